"""Planned runs, and what a finished run came to."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]

    operations = [
        migrations.AddField("billrun", "report", models.JSONField(null=True)),
        migrations.CreateModel(
            name="Plan",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("until", models.CharField(max_length=40)),
                ("selection", models.JSONField(null=True)),
                ("progressive", models.BooleanField(default=False)),
                ("state", models.CharField(default="checking", max_length=20)),
                ("asked_by", models.CharField(max_length=200)),
                ("asked_at", models.DateTimeField()),
                ("done", models.IntegerField(default=0)),
                ("accounts", models.IntegerField()),
                ("figures", models.JSONField(null=True)),
                ("problem", models.TextField(default="")),
                (
                    "run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="billing.billrun",
                    ),
                ),
            ],
            options={"db_table": "billing_plan"},
        ),
    ]
