"""The life of usage data: where the records of batches are, for how long, and what was erased."""

import django.db.models.fields.json
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("usage", "0005_fast_pages"),
    ]

    operations = [
        migrations.CreateModel(
            name="Erasure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("account_id", models.BigIntegerField(db_index=True)),
                ("batch_id_last", models.BigIntegerField()),
                ("records", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("by", models.CharField(max_length=200)),
            ],
            options={
                "db_table": "usage_erasure",
            },
        ),
        migrations.CreateModel(
            name="Retired",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("path", models.CharField(max_length=100, unique=True)),
                (
                    "retired_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
            options={
                "db_table": "usage_retired",
            },
        ),
        migrations.AddField(
            model_name="batch",
            name="archive",
            field=models.TextField(default=""),
        ),
        migrations.AddField(
            model_name="batch",
            name="records_at",
            field=models.CharField(default="here", max_length=10),
        ),
        migrations.AddField(
            model_name="source",
            name="afterwards",
            field=models.CharField(default="archive", max_length=10),
        ),
        migrations.AddField(
            model_name="source",
            name="archive",
            field=models.TextField(default=""),
        ),
        migrations.AddField(
            model_name="source",
            name="keep_months",
            field=models.IntegerField(null=True),
        ),
        migrations.AddIndex(
            model_name="reject",
            index=models.Index(
                django.db.models.fields.json.KeyTextTransform("identifier", "record"),
                condition=models.Q(("state", "open")),
                name="usage_rejects_by_identifier",
            ),
        ),
    ]
