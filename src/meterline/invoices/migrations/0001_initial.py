"""Invoices and how they are sent; issued documents stay as they are."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

TABLES = ("invoices_invoice", "invoices_line", "invoices_tax")
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
    ]

    operations = [
        migrations.CreateModel(
            name="PrintRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("documents", models.IntegerField()),
                ("asked_by", models.CharField(max_length=200)),
                ("asked_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "invoices_printrun",
            },
        ),
        migrations.CreateModel(
            name="Invoice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.CharField(max_length=40, unique=True)),
                ("series", models.CharField(max_length=20)),
                ("sequence_number", models.BigIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[("invoice", "invoice"), ("credit_note", "credit note")],
                        max_length=20,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("issued_at", models.DateTimeField()),
                ("issue_date", models.DateField()),
                ("due_date", models.DateField()),
                ("net", models.DecimalField(decimal_places=10, max_digits=28)),
                ("tax", models.DecimalField(decimal_places=10, max_digits=28)),
                ("total", models.DecimalField(decimal_places=10, max_digits=28)),
                (
                    "credit_applied",
                    models.DecimalField(decimal_places=10, default=0, max_digits=28),
                ),
                ("due", models.DecimalField(decimal_places=10, max_digits=28)),
                ("bill_run_id", models.BigIntegerField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="customers.account",
                    ),
                ),
                (
                    "seller",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="customers.seller",
                    ),
                ),
            ],
            options={
                "db_table": "invoices_invoice",
                "indexes": [
                    models.Index(
                        fields=["account", "issue_date"], name="invoices_in_account_d1a08c_idx"
                    ),
                    models.Index(fields=["issue_date", "id"], name="invoices_by_day"),
                    models.Index(fields=["total"], name="invoices_by_total"),
                    models.Index(
                        condition=models.Q(("bill_run_id__isnull", False)),
                        fields=["bill_run_id", "issue_date", "id"],
                        name="invoices_by_run",
                    ),
                    models.Index(
                        condition=models.Q(("kind", "credit_note")),
                        fields=["issue_date", "id"],
                        name="credit_notes_by_day",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("seller", "series", "sequence_number"), name="one_invoice_a_number"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "total",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("net"), "+", models.F("tax")
                                ),
                            )
                        ),
                        name="total_is_net_plus_tax",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "due",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("total"), "-", models.F("credit_applied")
                                ),
                            )
                        ),
                        name="due_is_total_less_credit",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="InvoiceTax",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=100)),
                ("percent", models.DecimalField(decimal_places=6, max_digits=12)),
                ("base", models.DecimalField(decimal_places=10, max_digits=28)),
                ("amount", models.DecimalField(decimal_places=10, max_digits=28)),
                (
                    "invoice",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="taxes",
                        to="invoices.invoice",
                    ),
                ),
            ],
            options={
                "db_table": "invoices_tax",
                "indexes": [
                    models.Index(fields=["invoice"], name="invoices_ta_invoice_a981dd_idx")
                ],
            },
        ),
        migrations.CreateModel(
            name="Line",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.IntegerField()),
                ("account_id", models.BigIntegerField()),
                ("subscription_id", models.BigIntegerField(null=True)),
                ("price_id", models.BigIntegerField(null=True)),
                ("price_code", models.CharField(max_length=100, null=True)),
                ("name", models.CharField(max_length=300)),
                ("kind", models.CharField(max_length=20)),
                ("start_at", models.DateTimeField(null=True)),
                ("end_at", models.DateTimeField(null=True)),
                ("quantity", models.DecimalField(decimal_places=10, max_digits=38, null=True)),
                ("amount", models.DecimalField(decimal_places=10, max_digits=28)),
                ("tax_code", models.CharField(max_length=100, null=True)),
                ("tax_percent", models.DecimalField(decimal_places=6, max_digits=12, null=True)),
                ("tax_amount", models.DecimalField(decimal_places=10, max_digits=28, null=True)),
                ("season", models.CharField(max_length=100, null=True)),
                ("band", models.CharField(max_length=100, null=True)),
                ("by_value", models.TextField(null=True)),
                ("track", models.TextField()),
                ("advance", models.BooleanField(default=False)),
                ("inputs", models.JSONField(null=True)),
                (
                    "invoice",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="invoices.invoice",
                    ),
                ),
            ],
            options={
                "db_table": "invoices_line",
                "indexes": [
                    models.Index(
                        fields=["account_id", "end_at"], name="invoices_li_account_d450f5_idx"
                    ),
                    models.Index(
                        fields=["invoice", "position"], name="invoices_li_invoice_8d8d33_idx"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="NumberSeries",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("series", models.CharField(max_length=20)),
                ("next_number", models.BigIntegerField(default=1)),
                (
                    "seller",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="customers.seller"
                    ),
                ),
            ],
            options={
                "db_table": "invoices_numberseries",
                "constraints": [
                    models.UniqueConstraint(fields=("seller", "series"), name="one_row_a_series")
                ],
            },
        ),
        migrations.CreateModel(
            name="Sending",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("channel", models.CharField(max_length=10)),
                ("state", models.CharField(default="waiting", max_length=10)),
                ("address", models.CharField(default="", max_length=320)),
                ("attempts", models.IntegerField(default=0)),
                ("due_at", models.DateTimeField()),
                ("problem", models.CharField(default="", max_length=40)),
                ("answer", models.TextField(default="")),
                ("asked_by", models.CharField(max_length=200)),
                ("asked_at", models.DateTimeField()),
                ("done_at", models.DateTimeField(null=True)),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="invoices.invoice"
                    ),
                ),
                (
                    "print_run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="invoices.printrun",
                    ),
                ),
            ],
            options={
                "db_table": "invoices_sending",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ("waiting", "sending"))),
                        fields=["channel", "state", "due_at"],
                        name="sendings_that_wait",
                    ),
                    models.Index(fields=["state", "id"], name="sendings_by_state"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("waiting", "sending"))),
                        fields=("invoice", "channel"),
                        name="one_sending_under_way",
                    )
                ],
            },
        ),
        migrations.RunSQL(APPEND_ONLY, CHANGEABLE),
    ]
