"""How many events a second a key may send."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0002_creditlimit"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="rate",
            field=models.PositiveIntegerField(null=True),
        ),
    ]
