"""Receipts of usage over HTTP and streams; how old the records of a source may be."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("usage", "0007_upload_trial"),
    ]

    operations = [
        migrations.AddField(
            model_name="source",
            name="late_days",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.CreateModel(
            name="Receipt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=32, unique=True)),
                ("source", models.CharField(max_length=200)),
                ("format", models.CharField(max_length=30)),
                ("events", models.IntegerField()),
                ("size", models.IntegerField()),
                ("body", models.BinaryField(null=True)),
                ("received_at", models.DateTimeField()),
                ("received_by", models.CharField(max_length=200)),
                ("state", models.CharField(default="waiting", max_length=20)),
                ("rejected", models.IntegerField(default=0)),
                ("duplicates", models.IntegerField(default=0)),
                ("repeated", models.JSONField(default=list)),
                ("done_at", models.DateTimeField(null=True)),
                (
                    "batch",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="usage.batch"
                    ),
                ),
            ],
            options={
                "db_table": "usage_receipt",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["id"],
                        include=("source", "format", "events"),
                        name="usage_receipts_waiting",
                    ),
                    models.Index(fields=["received_at", "id"], name="usage_receipts_by_time"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("batch", None), ("body__isnull", False), ("state", "waiting")
                            ),
                            models.Q(("batch__isnull", False), ("body", None), ("state", "done")),
                            _connector="OR",
                        ),
                        name="waiting_with_body_or_done_with_batch",
                    )
                ],
            },
        ),
    ]
