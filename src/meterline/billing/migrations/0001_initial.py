"""Bill runs, and how far each account is billed."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AccountState",
            fields=[
                ("account_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("billed_until", models.DateTimeField()),
                ("last_batch_id", models.BigIntegerField()),
                ("last_change_id", models.BigIntegerField()),
                ("last_billing_day_id", models.BigIntegerField()),
            ],
            options={
                "db_table": "billing_accountstate",
            },
        ),
        migrations.CreateModel(
            name="BillRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("until", models.CharField(max_length=40)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("chunk_size", models.IntegerField()),
                ("chunks", models.IntegerField()),
                ("chunks_done", models.IntegerField(default=0)),
                ("accounts", models.IntegerField()),
                ("invoices", models.IntegerField(default=0)),
                ("boundaries", models.JSONField(default=list)),
                ("selection", models.JSONField(null=True)),
                ("progressive", models.BooleanField(default=False)),
                ("report", models.JSONField(null=True)),
            ],
            options={
                "db_table": "billing_run",
            },
        ),
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
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="billing.billrun"
                    ),
                ),
            ],
            options={
                "db_table": "billing_plan",
            },
        ),
    ]
