"""What the back office keeps of its own."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Import",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=20)),
                ("file_name", models.TextField()),
                ("folder", models.CharField(max_length=40)),
                ("asked_by", models.CharField(max_length=200)),
                ("asked_at", models.DateTimeField()),
                ("state", models.CharField(default="checking", max_length=20)),
                ("rows", models.BigIntegerField(default=0)),
                ("good", models.BigIntegerField(default=0)),
                ("refused", models.BigIntegerField(default=0)),
                ("problem", models.TextField(default="")),
            ],
            options={
                "db_table": "console_import",
            },
        ),
    ]
