"""Issued documents stay as they are."""

from django.db import migrations

TABLES = ("invoices_invoice", "invoices_line", "invoices_tax")
FORWARD = "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION platform_refuse_change();\n"
    for table in TABLES
)
BACKWARD = "".join(f"DROP TRIGGER append_only ON {table};\n" for table in TABLES)


class Migration(migrations.Migration):
    dependencies = [("invoices", "0001_initial"), ("platform", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
