"""Payments and their allocations stay as they were recorded; allocations are found by account."""

from django.db import migrations, models

TABLES = ("payments_payment", "payments_allocation")
FORWARD = "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION platform_refuse_change();\n"
    for table in TABLES
)
BACKWARD = "".join(f"DROP TRIGGER append_only ON {table};\n" for table in TABLES)


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial"), ("platform", "0001_initial")]
    operations = [
        migrations.AddIndex(
            "allocation",
            models.Index(fields=["account_id", "invoice"], name="payments_allocated_by_account"),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
