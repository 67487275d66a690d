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
            options={
                "db_table": "platform_auditentry",
                "indexes": [
                    models.Index(fields=["at", "id"], name="audit_by_time"),
                    models.Index(fields=["actor", "at", "id"], name="audit_by_actor"),
                    models.Index(fields=["action", "at", "id"], name="audit_by_action"),
                    models.Index(
                        fields=["subject"],
                        name="audit_by_subject",
                        opclasses=["varchar_pattern_ops"],
                    ),
                ],
            },
        ),
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
            options={
                "db_table": "platform_event",
                "indexes": [
                    models.Index(
                        condition=models.Q(("published_at", None)),
                        fields=["id"],
                        name="platform_event_unpublished",
                    )
                ],
            },
        ),
        migrations.RunSQL(APPEND_ONLY, UNDO),
    ]
