"""Tables of subscriptions; what the database itself watches over."""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

NO_IDENTIFIER_TWICE = """
    CREATE TYPE textrange AS RANGE (subtype = text, collation = "C");
    ALTER TABLE subscriptions_identifier ADD CONSTRAINT no_identifier_twice_at_an_instant
        EXCLUDE USING gist (
            textrange(value, value, '[]') WITH =, tstzrange(start_at, end_at) WITH &&
        );
"""
APPEND_ONLY = """
    CREATE FUNCTION subscriptions_change_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the log of changes is append-only';
    END $$;
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON subscriptions_change
        FOR EACH ROW EXECUTE FUNCTION subscriptions_change_append_only();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("customers", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="PromotionUse",
            fields=[
                (
                    "promotion_code",
                    models.CharField(max_length=100, primary_key=True, serialize=False),
                ),
                ("used", models.IntegerField(default=0)),
            ],
            options={
                "db_table": "subscriptions_promotionuse",
            },
        ),
        migrations.CreateModel(
            name="Subscription",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=100, unique=True)),
                ("started_at", models.DateTimeField()),
                ("state", models.CharField(max_length=20)),
                ("renews_at", models.DateTimeField(null=True)),
                ("ends_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="customers.account"
                    ),
                ),
                (
                    "base",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="addons",
                        to="subscriptions.subscription",
                    ),
                ),
            ],
            options={
                "db_table": "subscriptions_subscription",
                "indexes": [
                    models.Index(
                        condition=models.Q(("renews_at__isnull", False)),
                        fields=["renews_at"],
                        name="subscription_renewals",
                    ),
                    models.Index(fields=["started_at", "id"], name="subscriptions_by_start"),
                    models.Index(
                        condition=models.Q(("ends_at__isnull", False)),
                        fields=["id"],
                        name="subscriptions_with_an_end",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Phase",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("start_at", models.DateTimeField()),
                ("end_at", models.DateTimeField(null=True)),
                ("plan_version_id", models.BigIntegerField()),
                ("quantity", models.DecimalField(decimal_places=10, max_digits=38)),
                ("state", models.CharField(max_length=10)),
                ("trial_end", models.DateField(null=True)),
                ("charge_start", models.DateField()),
                ("anchor", models.DateField(null=True)),
                ("day_start", models.TimeField(null=True)),
                ("early_until", models.DateField(null=True)),
                ("early_version_id", models.BigIntegerField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="customers.account"
                    ),
                ),
                (
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="subscriptions.subscription"
                    ),
                ),
            ],
            options={
                "db_table": "subscriptions_phase",
                "indexes": [
                    models.Index(fields=["plan_version_id"], name="subscriptio_plan_ve_a4dc99_idx"),
                    models.Index(
                        condition=models.Q(("state", "paused")),
                        fields=["subscription"],
                        name="phases_paused",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("subscription", "start_at"), name="one_phase_starts_at_an_instant"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("end_at__isnull", True),
                            ("end_at__gt", models.F("start_at")),
                            _connector="OR",
                        ),
                        name="phase_ends_after_its_start",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Identifier",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=50)),
                ("value", models.CharField(max_length=300)),
                ("start_at", models.DateTimeField()),
                ("end_at", models.DateTimeField(null=True)),
                (
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="subscriptions.subscription"
                    ),
                ),
            ],
            options={
                "db_table": "subscriptions_identifier",
                "indexes": [
                    models.Index(
                        django.contrib.postgres.indexes.OpClass("value", "varchar_pattern_ops"),
                        name="identifier_by_value",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("end_at__isnull", True),
                            ("end_at__gte", models.F("start_at")),
                            _connector="OR",
                        ),
                        name="identifier_ends_after_its_start",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Discount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.IntegerField()),
                ("discount_code", models.CharField(max_length=100)),
                ("since_at", models.DateTimeField()),
                ("until_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="customers.account",
                    ),
                ),
                (
                    "subscription",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="subscriptions.subscription",
                    ),
                ),
            ],
            options={
                "db_table": "subscriptions_discount",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("subscription", "position"), name="one_discount_a_position"
                    ),
                    models.UniqueConstraint(
                        fields=("account", "position"), name="one_account_discount_a_position"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("subscription__isnull", True),
                            ("account__isnull", True),
                            _connector="XOR",
                        ),
                        name="discount_of_a_subscription_or_account",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Change",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("effective_at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField()),
                ("kind", models.CharField(max_length=20)),
                ("payload", models.JSONField()),
                (
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="subscriptions.subscription"
                    ),
                ),
            ],
            options={
                "db_table": "subscriptions_change",
                "indexes": [
                    models.Index(
                        fields=["subscription", "id"], name="subscriptio_subscri_8d584a_idx"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Redemption",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("promotion_code", models.CharField(max_length=100)),
                ("at", models.DateTimeField()),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="customers.customer"
                    ),
                ),
                (
                    "discount",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, to="subscriptions.discount"
                    ),
                ),
            ],
            options={
                "db_table": "subscriptions_redemption",
                "indexes": [
                    models.Index(
                        fields=["promotion_code", "customer"], name="subscriptio_promoti_90333a_idx"
                    )
                ],
            },
        ),
        migrations.RunSQL(
            NO_IDENTIFIER_TWICE,
            """
            ALTER TABLE subscriptions_identifier
                DROP CONSTRAINT no_identifier_twice_at_an_instant;
            DROP TYPE textrange;
            """,
        ),
        migrations.RunSQL(
            APPEND_ONLY,
            """
            DROP TRIGGER append_only ON subscriptions_change;
            DROP FUNCTION subscriptions_change_append_only;
            """,
        ),
    ]
