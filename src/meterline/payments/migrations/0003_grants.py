"""Granted credit with priority, expiry and purpose; what was taken from it stays as it is."""

import django.db.models.deletion
from django.db import migrations, models


FORWARD = (
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments_grantuse"
    " FOR EACH STATEMENT EXECUTE FUNCTION platform_refuse_change();"
)
BACKWARD = "DROP TRIGGER append_only ON payments_grantuse;"


class Migration(migrations.Migration):
    dependencies = [
        ("invoices", "0002_immutable"),
        ("payments", "0002_append_only"),
    ]

    operations = [
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
                    "grant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uses",
                        to="payments.grant",
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="invoices.invoice",
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
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
