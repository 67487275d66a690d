"""The catalogue: published versions stay as they are, drafts once they are published."""

import django.db.models.deletion
from django.db import migrations, models

TABLES = (
    "catalog_planversion",
    "catalog_price",
    "catalog_entry",
    "catalog_draftfile",
    "catalog_trial",
)
APPEND_ONLY = "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION platform_refuse_change();\n"
    for table in TABLES
)
CHANGEABLE = "".join(f"DROP TRIGGER append_only ON {table};\n" for table in TABLES)
GUARD = """
CREATE FUNCTION catalog_guard_draft() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state IN ('published', 'withdrawn')
        OR (OLD.name, OLD.digest, OLD.author, OLD.note, OLD.created_at, OLD.replaces_id)
            IS DISTINCT FROM (NEW.name, NEW.digest, NEW.author, NEW.note, NEW.created_at, NEW.replaces_id) THEN
        RAISE EXCEPTION 'draft % stands as it is', OLD.id;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guarded BEFORE UPDATE ON catalog_draft
    FOR EACH ROW EXECUTE FUNCTION catalog_guard_draft();
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON catalog_draft
    FOR EACH STATEMENT EXECUTE FUNCTION platform_refuse_change();
"""
UNGUARDED = """
DROP TRIGGER append_only ON catalog_draft;
DROP TRIGGER guarded ON catalog_draft;
DROP FUNCTION catalog_guard_draft();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("platform", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Draft",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=300)),
                ("digest", models.CharField(max_length=64)),
                ("author", models.CharField(max_length=200)),
                ("note", models.TextField()),
                ("created_at", models.DateTimeField()),
                ("state", models.CharField(default="draft", max_length=20)),
                ("basis", models.JSONField()),
                ("effective", models.DateField(null=True)),
                ("approved_by", models.CharField(max_length=200, null=True)),
                ("approved_at", models.DateTimeField(null=True)),
                (
                    "replaces",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_by",
                        to="catalog.draft",
                    ),
                ),
            ],
            options={
                "db_table": "catalog_draft",
            },
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=20)),
                ("code", models.CharField(max_length=100)),
                ("version", models.IntegerField()),
                ("effective", models.DateField()),
                ("body", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
            ],
            options={
                "db_table": "catalog_entry",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("kind", "code", "version"), name="one_entry_a_version"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PlanVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("plan_code", models.CharField(max_length=100)),
                ("name", models.CharField(max_length=300)),
                ("version", models.IntegerField()),
                ("effective", models.DateField()),
                ("existing", models.CharField(max_length=20)),
                ("currency", models.CharField(max_length=3)),
                ("timezone", models.CharField(max_length=64)),
                ("body", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                ("overrides", models.JSONField(null=True)),
                (
                    "base",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="catalog.planversion",
                    ),
                ),
            ],
            options={
                "db_table": "catalog_planversion",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("base", None)),
                        fields=("plan_code", "version"),
                        name="one_plan_version_a_number",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("base__isnull", False)),
                        fields=("base", "digest"),
                        name="one_derived_version_a_digest",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PriceRow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=100)),
                ("name", models.CharField(max_length=300)),
                ("kind", models.CharField(max_length=20)),
                ("model", models.CharField(max_length=50)),
                ("interval", models.CharField(max_length=30)),
                ("timing", models.CharField(max_length=10)),
                ("prorate", models.BooleanField()),
                ("due", models.CharField(max_length=20, null=True)),
                ("tax_code", models.CharField(max_length=100, null=True)),
                ("meter_code", models.CharField(max_length=100, null=True)),
                ("body", models.JSONField()),
                (
                    "plan_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="prices",
                        to="catalog.planversion",
                    ),
                ),
            ],
            options={
                "db_table": "catalog_price",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("plan_version", "code"), name="one_price_a_code"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ReviewRule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("required", models.BooleanField(default=False)),
                ("four_eyes", models.BooleanField(default=True)),
            ],
            options={
                "db_table": "catalog_reviewrule",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="one_rule_of_review")
                ],
            },
        ),
        migrations.CreateModel(
            name="Trial",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("actor", models.CharField(max_length=200)),
                ("passed", models.BooleanField()),
                ("outcomes", models.JSONField()),
                (
                    "draft",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="trials",
                        to="catalog.draft",
                    ),
                ),
            ],
            options={
                "db_table": "catalog_trial",
            },
        ),
        migrations.CreateModel(
            name="DraftFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("path", models.CharField(max_length=500)),
                ("scenario", models.BooleanField()),
                ("content", models.BinaryField()),
                (
                    "draft",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="files",
                        to="catalog.draft",
                    ),
                ),
            ],
            options={
                "db_table": "catalog_draftfile",
                "constraints": [
                    models.UniqueConstraint(fields=("draft", "path"), name="one_file_a_path")
                ],
            },
        ),
        migrations.RunSQL(APPEND_ONLY + GUARD, UNGUARDED + CHANGEABLE),
    ]
