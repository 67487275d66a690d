"""Reports as last computed, and what-ifs."""

import django.core.serializers.json
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("catalog", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Report",
            fields=[
                ("code", models.CharField(max_length=50, primary_key=True, serialize=False)),
                ("computed_at", models.DateTimeField()),
                ("content", models.JSONField()),
            ],
            options={
                "db_table": "insight_report",
            },
        ),
        migrations.CreateModel(
            name="WhatIf",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=300)),
                ("months", models.IntegerField()),
                ("segment", models.JSONField(default=list)),
                ("asked_by", models.CharField(max_length=200)),
                ("asked_at", models.DateTimeField()),
                ("state", models.CharField(default="waiting", max_length=20)),
                ("done", models.BigIntegerField(default=0)),
                ("total", models.BigIntegerField(default=0)),
                ("finished_at", models.DateTimeField(null=True)),
                ("problem", models.TextField(default="")),
                (
                    "report",
                    models.JSONField(
                        encoder=django.core.serializers.json.DjangoJSONEncoder, null=True
                    ),
                ),
                (
                    "draft",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="what_ifs",
                        to="catalog.draft",
                    ),
                ),
            ],
            options={
                "db_table": "insight_whatif",
            },
        ),
        migrations.CreateModel(
            name="WhatIfFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("path", models.CharField(max_length=500)),
                ("content", models.BinaryField()),
                (
                    "what_if",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="files",
                        to="insight.whatif",
                    ),
                ),
            ],
            options={
                "db_table": "insight_whatiffile",
            },
        ),
    ]
