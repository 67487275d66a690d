"""Which billing days a bill has seen, so that one moved within what was billed ahead is noticed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_plans"), ("customers", "0002_find")]

    operations = [
        migrations.AddField(
            "accountstate",
            "last_billing_day_id",
            models.BigIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.RunSQL(
            "UPDATE billing_accountstate SET last_billing_day_id ="
            " (SELECT coalesce(max(id), 0) FROM customers_billingday)",
            migrations.RunSQL.noop,
        ),
    ]
