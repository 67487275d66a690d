"""Meters, reads and what was made of them; no meter is in two places."""

import django.db.models.deletion
from django.db import migrations, models

NOT_IN_TWO_PLACES = """
    ALTER TABLE reads_installation ADD CONSTRAINT no_meter_in_two_places
        EXCLUDE USING gist (
            int8range(meter_id, meter_id, '[]') WITH =, tstzrange(start_at, end_at) WITH &&
        );
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("usage", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Meter",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("serial", models.CharField(max_length=100, unique=True)),
                ("timezone", models.CharField(max_length=64)),
            ],
            options={
                "db_table": "reads_meter",
            },
        ),
        migrations.CreateModel(
            name="Rule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("usage_meter", models.CharField(max_length=100, unique=True)),
                ("spike_percent", models.IntegerField(default=300)),
                ("spike_least", models.DecimalField(decimal_places=6, default=50, max_digits=18)),
                ("stuck_reads", models.IntegerField(default=3)),
                ("zero_days", models.IntegerField(default=20)),
                ("estimate_by", models.CharField(default="average", max_length=20)),
                ("split", models.CharField(default="month", max_length=10)),
            ],
            options={
                "db_table": "reads_rule",
            },
        ),
        migrations.CreateModel(
            name="Stale",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("identifier", models.CharField(max_length=300)),
            ],
            options={
                "db_table": "reads_stale",
            },
        ),
        migrations.CreateModel(
            name="Virtual",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=100, unique=True)),
                ("identifier", models.CharField(db_index=True, max_length=300)),
                ("usage_meter", models.CharField(max_length=100)),
                ("surplus_meter", models.CharField(default="", max_length=100)),
            ],
            options={
                "db_table": "reads_virtual",
            },
        ),
        migrations.CreateModel(
            name="Factor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("zone", models.CharField(max_length=100)),
                ("since_at", models.DateTimeField()),
                ("calorific_value", models.DecimalField(decimal_places=4, max_digits=18)),
                ("correction_factor", models.DecimalField(decimal_places=6, max_digits=18)),
                ("decimals", models.IntegerField(default=0)),
            ],
            options={
                "db_table": "reads_factor",
                "constraints": [
                    models.UniqueConstraint(fields=("zone", "since_at"), name="one_factor_at_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("calorific_value__gt", 0), ("correction_factor__gt", 0)
                        ),
                        name="gas_has_energy",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Profile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=100)),
                ("month", models.SmallIntegerField()),
                ("weight", models.DecimalField(decimal_places=6, max_digits=12)),
            ],
            options={
                "db_table": "reads_profile",
                "constraints": [
                    models.UniqueConstraint(fields=("code", "month"), name="one_weight_a_month"),
                    models.CheckConstraint(
                        condition=models.Q(("month__range", (1, 12)), ("weight__gt", 0)),
                        name="profile_has_months",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Register",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=50)),
                ("dials", models.IntegerField()),
                ("decimals", models.IntegerField(default=0)),
                ("multiplier", models.DecimalField(decimal_places=6, default=1, max_digits=18)),
                ("unit", models.CharField(default="kWh", max_length=20)),
                ("direction", models.CharField(default="import", max_length=10)),
                ("band", models.CharField(default="", max_length=100)),
                ("usage_meter", models.CharField(default="", max_length=100)),
                ("zone", models.CharField(default="", max_length=100)),
                ("profile", models.CharField(default="", max_length=100)),
                ("annual", models.DecimalField(decimal_places=6, max_digits=24, null=True)),
                (
                    "meter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="reads.meter"
                    ),
                ),
            ],
            options={
                "db_table": "reads_register",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("meter", "code"), name="one_register_of_a_code"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("decimals__gte", 0),
                            ("decimals__lte", 6),
                            ("dials__gte", 1),
                            ("dials__lte", 12),
                        ),
                        name="register_has_digits",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Read",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("value", models.DecimalField(decimal_places=6, max_digits=24)),
                ("quality", models.CharField(max_length=20)),
                ("source", models.CharField(max_length=200)),
                ("state", models.CharField(max_length=20)),
                ("reason", models.CharField(default="", max_length=20)),
                ("detail", models.TextField(default="")),
                ("reviewed", models.BooleanField(default=False)),
                ("line", models.BigIntegerField(null=True)),
                ("received_at", models.DateTimeField()),
                (
                    "batch",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="usage.batch"
                    ),
                ),
                (
                    "replaced_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="reads.read"
                    ),
                ),
                (
                    "register",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="reads.register"
                    ),
                ),
            ],
            options={
                "db_table": "reads_read",
                "indexes": [
                    models.Index(fields=["register", "at"], name="reads_by_register"),
                    models.Index(fields=["state", "id"], name="reads_by_state"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Cut",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("asked_at", models.DateTimeField()),
                (
                    "register",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="reads.register"
                    ),
                ),
            ],
            options={
                "db_table": "reads_cut",
                "constraints": [
                    models.UniqueConstraint(fields=("register", "at"), name="one_cut_at_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Term",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("identifier", models.CharField(db_index=True, max_length=300)),
                ("code", models.CharField(max_length=50)),
                ("sign", models.SmallIntegerField()),
                (
                    "virtual",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="reads.virtual"
                    ),
                ),
            ],
            options={
                "db_table": "reads_term",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("virtual", "identifier", "code"), name="one_term_of_a_register"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("sign__in", (1, -1))), name="term_has_a_sign"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Piece",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("identifier", models.CharField(max_length=300)),
                ("code", models.CharField(max_length=100)),
                ("usage_meter", models.CharField(max_length=100)),
                ("start_at", models.DateTimeField()),
                ("end_at", models.DateTimeField()),
                ("from_units", models.BigIntegerField(null=True)),
                ("to_units", models.BigIntegerField(null=True)),
                ("from_quality", models.CharField(max_length=20)),
                ("to_quality", models.CharField(max_length=20)),
                ("quality", models.CharField(max_length=20)),
                ("quantity", models.DecimalField(decimal_places=10, max_digits=38)),
                ("serial", models.CharField(max_length=100, null=True)),
                ("band", models.CharField(max_length=100, null=True)),
                (
                    "calorific_value",
                    models.DecimalField(decimal_places=4, max_digits=18, null=True),
                ),
                (
                    "correction_factor",
                    models.DecimalField(decimal_places=6, max_digits=18, null=True),
                ),
                ("made_at", models.DateTimeField()),
                ("gone_at", models.DateTimeField(null=True)),
                (
                    "register",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="reads.register"
                    ),
                ),
                (
                    "virtual",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="reads.virtual"
                    ),
                ),
            ],
            options={
                "db_table": "reads_piece",
                "indexes": [
                    models.Index(
                        condition=models.Q(("gone_at__isnull", True)),
                        fields=["identifier", "start_at"],
                        name="pieces_that_stand",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Installation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("identifier", models.CharField(db_index=True, max_length=300)),
                ("start_at", models.DateTimeField()),
                ("end_at", models.DateTimeField(null=True)),
                (
                    "meter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="reads.meter"
                    ),
                ),
            ],
            options={
                "db_table": "reads_installation",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("end_at__isnull", True),
                            ("end_at__gt", models.F("start_at")),
                            _connector="OR",
                        ),
                        name="installation_ends_after_its_start",
                    )
                ],
            },
        ),
        migrations.RunSQL(NOT_IN_TWO_PLACES, migrations.RunSQL.noop),
    ]
