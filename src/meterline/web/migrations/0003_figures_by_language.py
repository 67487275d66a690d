"""Key figures are kept in each language: those kept in one are computed anew."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("web", "0002_cache")]

    operations = [migrations.RunSQL("DELETE FROM web_figure", migrations.RunSQL.noop)]
