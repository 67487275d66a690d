"""Files given to a page; indexes for the list of rejects."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("usage", "0003_deliveries")]

    operations = [
        migrations.CreateModel(
            name="Upload",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("file_name", models.TextField()),
                ("folder", models.CharField(max_length=40)),
                ("format", models.CharField(max_length=30)),
                ("source", models.CharField(max_length=200)),
                ("lines", models.BigIntegerField()),
                ("asked_by", models.CharField(max_length=200)),
                ("asked_at", models.DateTimeField()),
                ("state", models.CharField(default="waiting", max_length=20)),
                ("problem", models.TextField(default="")),
                (
                    "batch",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="usage.batch",
                    ),
                ),
            ],
            options={"db_table": "usage_upload"},
        ),
        migrations.RemoveIndex("reject", "usage_rejec_state_c80a0a_idx"),
        migrations.AddIndex(
            "reject", models.Index(fields=["state", "id"], name="usage_rejects_by_state")
        ),
        migrations.AddIndex(
            "reject", models.Index(fields=["state", "reason", "id"], name="usage_rejects_by_reason")
        ),
    ]
