"""Discounts of accounts, their end, and promotion codes that were redeemed."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0001_initial"),
        ("subscriptions", "0002_lifecycle"),
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
            ],
            options={
                "db_table": "subscriptions_redemption",
            },
        ),
        migrations.AddField(
            model_name="discount",
            name="account",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, to="customers.account"
            ),
        ),
        migrations.AddField(
            model_name="discount",
            name="until_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="discount",
            name="subscription",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="subscriptions.subscription",
            ),
        ),
        migrations.AddConstraint(
            model_name="discount",
            constraint=models.UniqueConstraint(
                fields=("account", "position"), name="one_account_discount_a_position"
            ),
        ),
        migrations.AddConstraint(
            model_name="discount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("subscription__isnull", True), ("account__isnull", True), _connector="XOR"
                ),
                name="discount_of_a_subscription_or_account",
            ),
        ),
        migrations.AddField(
            model_name="redemption",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, to="customers.customer"
            ),
        ),
        migrations.AddField(
            model_name="redemption",
            name="discount",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, to="subscriptions.discount"
            ),
        ),
        migrations.AddIndex(
            model_name="redemption",
            index=models.Index(
                fields=["promotion_code", "customer"], name="subscriptio_promoti_90333a_idx"
            ),
        ),
    ]
