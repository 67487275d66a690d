"""Published versions stay as they are."""

from django.db import migrations

TABLES = ("catalog_planversion", "catalog_price", "catalog_entry")
FORWARD = "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION platform_refuse_change();\n"
    for table in TABLES
)
BACKWARD = "".join(f"DROP TRIGGER append_only ON {table};\n" for table in TABLES)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial"), ("platform", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
