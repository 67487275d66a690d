"""Batches of usage and their totals, which are only added to."""

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.fields.json
import django.db.models.functions.datetime
from django.db import migrations, models

TABLES = ("usage_total", "usage_drawn")
APPEND_ONLY = "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION platform_refuse_change();\n"
    for table in TABLES
)
CHANGEABLE = "".join(f"DROP TRIGGER append_only ON {table};\n" for table in TABLES)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("platform", "0001_initial"),
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
            name="KnownKeys",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("path", models.CharField(max_length=100, unique=True)),
                ("batch_last", models.BigIntegerField()),
                ("keys", models.BigIntegerField()),
            ],
            options={
                "db_table": "usage_known_keys",
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
        migrations.CreateModel(
            name="Source",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=200, unique=True)),
                ("folder", models.TextField(default="")),
                ("format", models.CharField(default="", max_length=30)),
                ("mapping", models.TextField(default="")),
                ("settle_seconds", models.IntegerField(default=5)),
                ("late_days", models.PositiveIntegerField(null=True)),
                ("keep_months", models.IntegerField(null=True)),
                ("afterwards", models.CharField(default="archive", max_length=10)),
                ("archive", models.TextField(default="")),
            ],
            options={
                "db_table": "usage_source",
            },
        ),
        migrations.CreateModel(
            name="Batch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("source", models.CharField(max_length=200)),
                ("file_name", models.TextField()),
                ("format", models.CharField(max_length=30)),
                ("digest", models.CharField(max_length=64)),
                ("state", models.CharField(default="committed", max_length=20)),
                ("committed_at", models.DateTimeField()),
                ("records", models.BigIntegerField()),
                ("rated", models.BigIntegerField()),
                ("rejected", models.BigIntegerField()),
                ("duplicates", models.BigIntegerField()),
                ("totals", models.JSONField()),
                ("path", models.CharField(max_length=100)),
                ("supersedes", models.BooleanField(default=False)),
                ("first_start", models.DateTimeField(null=True)),
                ("last_start", models.DateTimeField(null=True)),
                ("records_at", models.CharField(default="here", max_length=10)),
                ("archive", models.TextField(default="")),
                (
                    "corrects",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="usage.batch"
                    ),
                ),
            ],
            options={
                "db_table": "usage_batch",
                "indexes": [
                    models.Index(fields=["committed_at", "id"], name="batches_by_time"),
                    models.Index(fields=["digest"], name="batches_by_digest"),
                    models.Index(
                        condition=models.Q(("state", "backed_out")),
                        fields=["id"],
                        name="batches_backed_out",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "records",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("rated"), "+", models.F("rejected")
                                    ),
                                    "+",
                                    models.F("duplicates"),
                                ),
                            )
                        ),
                        name="every_record_ends_somewhere",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Drawn",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("account_id", models.BigIntegerField()),
                ("owner_id", models.BigIntegerField()),
                ("allowance", models.CharField(max_length=100)),
                ("definition", models.CharField(max_length=16)),
                ("lot_start", models.DateTimeField()),
                ("subscription_id", models.BigIntegerField()),
                ("price_id", models.BigIntegerField()),
                ("period_start", models.DateField()),
                ("amount", models.DecimalField(decimal_places=20, max_digits=58)),
                ("denominator", models.BigIntegerField()),
                ("last_start", models.DateTimeField(null=True)),
                (
                    "batch",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="usage.batch",
                    ),
                ),
            ],
            options={
                "db_table": "usage_drawn",
                "indexes": [
                    models.Index(
                        fields=["account_id", "lot_start"], name="usage_drawn_account_fb27fe_idx"
                    )
                ],
            },
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
        migrations.CreateModel(
            name="Reject",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("file_name", models.TextField()),
                ("line", models.BigIntegerField()),
                ("reason", models.CharField(max_length=50)),
                ("detail", models.TextField()),
                ("record", models.JSONField()),
                ("state", models.CharField(default="open", max_length=20)),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="usage.batch"
                    ),
                ),
            ],
            options={
                "db_table": "usage_reject",
                "indexes": [
                    models.Index(fields=["state", "id"], name="usage_rejects_by_state"),
                    models.Index(fields=["state", "reason", "id"], name="usage_rejects_by_reason"),
                    models.Index(
                        django.db.models.fields.json.KeyTextTransform("identifier", "record"),
                        condition=models.Q(("state", "open")),
                        name="usage_rejects_by_identifier",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Stream",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("expected", models.BigIntegerField()),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="usage.source"
                    ),
                ),
            ],
            options={
                "db_table": "usage_stream",
                "constraints": [
                    models.UniqueConstraint(fields=("source", "name"), name="one_stream_of_a_name")
                ],
            },
        ),
        migrations.CreateModel(
            name="Gap",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("first", models.BigIntegerField()),
                ("last", models.BigIntegerField()),
                ("noticed_at", models.DateTimeField()),
                (
                    "stream",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="usage.stream"
                    ),
                ),
            ],
            options={
                "db_table": "usage_gap",
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sequence", models.BigIntegerField(null=True)),
                ("left_out", models.BigIntegerField()),
                ("remarks", models.JSONField()),
                (
                    "batch",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, to="usage.batch"
                    ),
                ),
                (
                    "stream",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="usage.stream"
                    ),
                ),
            ],
            options={
                "db_table": "usage_delivery",
            },
        ),
        migrations.CreateModel(
            name="Total",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("account_id", models.BigIntegerField()),
                ("subscription_id", models.BigIntegerField()),
                ("price_id", models.BigIntegerField()),
                ("period_start", models.DateField()),
                ("season", models.CharField(max_length=100, null=True)),
                ("band", models.CharField(max_length=100, null=True)),
                ("by_value", models.TextField(null=True)),
                ("events", models.BigIntegerField()),
                ("quantity", models.DecimalField(decimal_places=10, max_digits=38)),
                ("amount", models.DecimalField(decimal_places=20, max_digits=58)),
                ("denominator", models.BigIntegerField()),
                (
                    "batch",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="usage.batch",
                    ),
                ),
            ],
            options={
                "db_table": "usage_total",
                "indexes": [
                    models.Index(
                        fields=["account_id", "period_start", "batch"],
                        name="usage_total_account_654abe_idx",
                    )
                ],
            },
        ),
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
                ("trial", models.BooleanField(default=False)),
                ("figures", models.JSONField(null=True)),
                ("state", models.CharField(default="waiting", max_length=20)),
                ("problem", models.TextField(default="")),
                (
                    "batch",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="usage.batch"
                    ),
                ),
            ],
            options={
                "db_table": "usage_upload",
            },
        ),
        migrations.RunSQL(APPEND_ONLY, CHANGEABLE),
    ]
