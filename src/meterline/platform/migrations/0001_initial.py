"""The outbox and the audit log."""

from django.db import migrations, models

APPEND_ONLY = """
CREATE FUNCTION platform_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON platform_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION platform_refuse_change();
"""
UNDO = """
DROP TRIGGER append_only ON platform_auditentry;
DROP FUNCTION platform_refuse_change;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("name", models.CharField(max_length=100)),
                ("subject", models.CharField(max_length=200)),
                ("payload", models.JSONField()),
                ("published_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "platform_event"},
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(published_at=None),
                fields=["id"],
                name="platform_event_unpublished",
            ),
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("actor", models.CharField(max_length=200)),
                ("action", models.CharField(max_length=100)),
                ("subject", models.CharField(max_length=200)),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(null=True)),
            ],
            options={"db_table": "platform_auditentry"},
        ),
        migrations.RunSQL(APPEND_ONLY, UNDO),
    ]
