"""Sellers, customers and accounts."""

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Customer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=100, unique=True)),
                ("segment", models.CharField(blank=True, default="", max_length=100)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "customers_customer",
                "indexes": [
                    models.Index(
                        django.contrib.postgres.indexes.OpClass(
                            django.db.models.functions.text.Upper("code"), "text_pattern_ops"
                        ),
                        name="customer_by_code",
                    ),
                    models.Index(fields=["created_at", "id"], name="customer_by_age"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Seller",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=100, unique=True)),
                ("name", models.CharField(max_length=300)),
                ("address", models.TextField(blank=True, default="")),
                ("country", models.CharField(blank=True, default="", max_length=2)),
                ("tax_id", models.CharField(blank=True, default="", max_length=50)),
                ("email", models.CharField(blank=True, default="", max_length=320)),
                ("phone", models.CharField(blank=True, default="", max_length=50)),
                ("website", models.CharField(blank=True, default="", max_length=300)),
                ("iban", models.CharField(blank=True, default="", max_length=34)),
                ("bic", models.CharField(blank=True, default="", max_length=11)),
                ("colour", models.CharField(default="#1f3a5f", max_length=7)),
                ("invoice_prefix", models.CharField(default="INV", max_length=20)),
                ("payment_terms_days", models.IntegerField(default=14)),
            ],
            options={
                "db_table": "customers_seller",
            },
        ),
        migrations.CreateModel(
            name="Account",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=100, unique=True)),
                ("currency", models.CharField(max_length=3)),
                ("timezone", models.CharField(default="UTC", max_length=64)),
                ("tax_region", models.CharField(max_length=20, null=True)),
                ("created_at", models.DateTimeField()),
                (
                    "delivery",
                    models.CharField(db_default="portal", default="portal", max_length=10),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="customers.account",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="customers.customer"
                    ),
                ),
                (
                    "seller",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="customers.seller"
                    ),
                ),
            ],
            options={
                "db_table": "customers_account",
            },
        ),
        migrations.CreateModel(
            name="Party",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=100, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("person", "person"), ("organisation", "organisation")],
                        max_length=20,
                    ),
                ),
                ("name", models.CharField(max_length=300)),
                ("email", models.CharField(blank=True, default="", max_length=320)),
                ("phone", models.CharField(blank=True, default="", max_length=50)),
                ("address", models.TextField(blank=True, default="")),
                ("country", models.CharField(blank=True, default="", max_length=2)),
                ("tax_id", models.CharField(blank=True, default="", max_length=50)),
                ("language", models.CharField(default="en", max_length=20)),
            ],
            options={
                "db_table": "customers_party",
                "indexes": [
                    models.Index(
                        django.contrib.postgres.indexes.OpClass(
                            django.db.models.functions.text.Upper("name"), "text_pattern_ops"
                        ),
                        name="party_by_name",
                    ),
                    models.Index(
                        django.contrib.postgres.indexes.OpClass(
                            django.db.models.functions.text.Upper("email"), "text_pattern_ops"
                        ),
                        name="party_by_email",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="customer",
            name="party",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, to="customers.party"
            ),
        ),
        migrations.CreateModel(
            name="BillingDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("since", models.DateField()),
                ("day", models.SmallIntegerField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="customers.account"
                    ),
                ),
            ],
            options={
                "db_table": "customers_billingday",
                "indexes": [
                    models.Index(fields=["account", "since"], name="customers_b_account_39429c_idx")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("day__isnull", True), ("day__range", (1, 31)), _connector="OR"
                        ),
                        name="billing_day_is_in_a_month",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Consent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("purpose", models.CharField(max_length=40)),
                ("given", models.BooleanField()),
                ("at", models.DateTimeField()),
                ("by", models.CharField(max_length=200)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "db_table": "customers_consent",
                "indexes": [models.Index(fields=["customer", "purpose", "id"], name="consents")],
            },
        ),
    ]
