import django.db.models.deletion
from django.db import migrations, models

GUARD = """
CREATE OR REPLACE FUNCTION catalog_guard_draft() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state IN ('published', 'withdrawn')
        OR (OLD.name, OLD.digest, OLD.author, OLD.note, OLD.created_at%(old)s)
            IS DISTINCT FROM (NEW.name, NEW.digest, NEW.author, NEW.note, NEW.created_at%(new)s) THEN
        RAISE EXCEPTION 'draft %% stands as it is', OLD.id;
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_drafts")]

    operations = [
        migrations.AddField(
            model_name="draft",
            name="replaces",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="replaced_by",
                to="catalog.draft",
            ),
        ),
        migrations.RunSQL(
            GUARD % {"old": ", OLD.replaces_id", "new": ", NEW.replaces_id"},
            GUARD % {"old": "", "new": ""},
        ),
    ]
