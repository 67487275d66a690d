"""Reports as last computed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [
        migrations.CreateModel(
            name="Report",
            fields=[
                ("code", models.CharField(max_length=50, primary_key=True, serialize=False)),
                ("computed_at", models.DateTimeField()),
                ("content", models.JSONField()),
            ],
            options={"db_table": "insight_report"},
        ),
    ]
