"""When subscriptions are renewed next. Of those that there are already, the job finds out."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0003_discount_terms")]

    operations = [
        migrations.AddField(
            model_name="subscription",
            name="renews_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("renews_at__isnull", False)),
                fields=["renews_at"],
                name="subscription_renewals",
            ),
        ),
        migrations.RunSQL(
            """
            UPDATE subscriptions_subscription s SET renews_at = now() WHERE EXISTS (
                SELECT FROM subscriptions_change c WHERE c.subscription_id = s.id
                    AND c.payload->'terms'->'term'->>'renewal' = 'automatic')
            """,
            migrations.RunSQL.noop,
        ),
    ]
