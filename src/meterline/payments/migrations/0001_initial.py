"""Payments, what they settled, credit; what was recorded stays as it is."""

import django.db.models.deletion
from django.db import migrations, models

TABLES = ("payments_payment", "payments_allocation", "payments_grantuse")
APPEND_ONLY = "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION platform_refuse_change();\n"
    for table in TABLES
)
CHANGEABLE = "".join(f"DROP TRIGGER append_only ON {table};\n" for table in TABLES)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("platform", "0001_initial"),
        ("customers", "0001_initial"),
        ("invoices", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Payment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=100, unique=True)),
                ("kind", models.CharField(max_length=20)),
                ("at", models.DateTimeField()),
                ("currency", models.CharField(max_length=3)),
                ("amount", models.DecimalField(decimal_places=10, max_digits=28)),
                ("method", models.CharField(max_length=40)),
                ("reference", models.CharField(max_length=200)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="customers.account"
                    ),
                ),
            ],
            options={
                "db_table": "payments_payment",
                "indexes": [
                    models.Index(fields=["at", "id"], name="payments_by_time"),
                    models.Index(
                        condition=models.Q(("kind", "payment"), _negated=True),
                        fields=["kind", "at", "id"],
                        name="payments_of_other_kinds",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0)), name="payment_above_zero"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Credit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("account_id", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("credit", models.DecimalField(decimal_places=10, max_digits=28)),
            ],
            options={
                "db_table": "payments_credit",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account_id", "currency"), name="one_credit_a_currency"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("credit__gte", 0)), name="credit_not_below_zero"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                (
                    "payment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        serialize=False,
                        to="payments.payment",
                    ),
                ),
                ("account_id", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("amount", models.DecimalField(decimal_places=10, max_digits=28)),
                ("remaining", models.DecimalField(decimal_places=10, max_digits=28)),
                ("priority", models.IntegerField(default=100)),
                ("expires_at", models.DateTimeField(null=True)),
                ("only_usage", models.BooleanField(default=False)),
                ("price_codes", models.JSONField(default=list)),
            ],
            options={
                "db_table": "payments_grant",
                "indexes": [
                    models.Index(
                        condition=models.Q(("remaining__gt", 0)),
                        fields=["account_id"],
                        name="grants_by_account",
                    ),
                    models.Index(
                        condition=models.Q(("remaining__gt", 0)),
                        fields=["expires_at"],
                        name="grants_by_expiry",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("remaining__gte", 0), ("remaining__lte", models.F("amount"))
                        ),
                        name="remaining_within_grant",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Allocation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("account_id", models.BigIntegerField()),
                ("amount", models.DecimalField(decimal_places=10, max_digits=28)),
                ("at", models.DateTimeField()),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="invoices.invoice"
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="payments.payment"
                    ),
                ),
            ],
            options={
                "db_table": "payments_allocation",
                "indexes": [
                    models.Index(
                        fields=["account_id", "invoice"], name="payments_allocated_by_account"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="OpenItem",
            fields=[
                (
                    "invoice",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        serialize=False,
                        to="invoices.invoice",
                    ),
                ),
                ("account_id", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("due_date", models.DateField()),
                ("amount", models.DecimalField(decimal_places=10, max_digits=28)),
                ("open", models.DecimalField(decimal_places=10, max_digits=28)),
            ],
            options={
                "db_table": "payments_openitem",
                "indexes": [
                    models.Index(
                        condition=models.Q(("open__gt", 0)),
                        fields=["account_id", "due_date", "invoice"],
                        name="payments_open_by_account",
                    ),
                    models.Index(
                        condition=models.Q(("open__gt", 0)),
                        fields=["due_date", "invoice"],
                        name="payments_open_by_due_date",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("open__gte", 0), ("open__lte", models.F("amount"))),
                        name="open_within_amount",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="GrantUse",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=20)),
                ("amount", models.DecimalField(decimal_places=10, max_digits=28)),
                ("at", models.DateTimeField()),
                (
                    "invoice",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="invoices.invoice",
                    ),
                ),
                (
                    "grant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uses",
                        to="payments.grant",
                    ),
                ),
            ],
            options={
                "db_table": "payments_grantuse",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0)), name="grant_use_above_zero"
                    )
                ],
            },
        ),
        migrations.RunSQL(APPEND_ONLY, CHANGEABLE),
    ]
