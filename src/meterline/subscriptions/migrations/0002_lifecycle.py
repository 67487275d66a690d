"""Add-ons, the hour of anniversaries, terms that are broken off."""

import django.db.models.deletion
from django.db import migrations, models

HOURS = """
    UPDATE subscriptions_phase p SET day_start = local.hour
    FROM (
        SELECT s.id, (s.started_at AT TIME ZONE a.timezone)::date AS day,
            (s.started_at AT TIME ZONE a.timezone)::time AS hour
        FROM subscriptions_subscription s JOIN customers_account a ON a.id = s.account_id
    ) local
    WHERE local.id = p.subscription_id AND local.hour <> '00:00' AND p.anchor IS NULL
        AND p.charge_start = local.day
"""


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0001_initial"), ("customers", "0001_initial")]

    operations = [
        migrations.AddField(
            "subscription",
            "base",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="addons",
                to="subscriptions.subscription",
            ),
        ),
        migrations.AddField("phase", "day_start", models.TimeField(null=True)),
        migrations.AddField("phase", "early_until", models.DateField(null=True)),
        migrations.AddField("phase", "early_version_id", models.BigIntegerField(null=True)),
        migrations.RunSQL(HOURS, reverse_sql=migrations.RunSQL.noop),
    ]
