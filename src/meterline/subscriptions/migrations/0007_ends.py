"""When subscriptions end: the end of the last phase, so that those that have ended are found by it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0003_account_delivery_consent"),
        ("subscriptions", "0006_fast_pages"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="phase", name="phases_with_an_end"),
        migrations.RemoveIndex(model_name="subscription", name="subscriptions_cancelled"),
        migrations.AddField(
            model_name="subscription",
            name="ends_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("ends_at__isnull", False)),
                fields=["id"],
                name="subscriptions_with_an_end",
            ),
        ),
        migrations.RunSQL(
            """
            UPDATE subscriptions_subscription s SET ends_at = coalesce(last.end_at, s.started_at)
            FROM subscriptions_subscription one
            LEFT JOIN LATERAL (
                SELECT end_at FROM subscriptions_phase p WHERE p.subscription_id = one.id
                ORDER BY p.start_at DESC LIMIT 1
            ) last ON true
            WHERE s.id = one.id AND (last.end_at IS NOT NULL OR NOT EXISTS (
                SELECT FROM subscriptions_phase p WHERE p.subscription_id = one.id))
            """,
            migrations.RunSQL.noop,
        ),
    ]
