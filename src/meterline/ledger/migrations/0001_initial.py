"""The books: entries balance when they commit, and stay as they are."""

import django.db.models.deletion
from django.db import migrations, models

# The check of an entry runs once: when its transaction commits, or at SET CONSTRAINTS ALL
# IMMEDIATE. From then on each further line of the transaction is checked by itself; a check a line
# from the beginning would be several times as dear in bulk.
ENFORCED = """
ALTER TABLE ledger_entry ADD COLUMN posted_in xid8 NOT NULL DEFAULT pg_current_xact_id();

CREATE FUNCTION ledger_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN

    IF current_setting('meterline.entries_checked', true)
            IS DISTINCT FROM pg_current_xact_id()::text THEN
        PERFORM set_config('meterline.entries_checked', pg_current_xact_id()::text, true);
    END IF;

    SELECT currency, sum(amount) AS difference INTO wrong FROM ledger_line
        WHERE entry_id = NEW.id GROUP BY currency HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal entry % does not balance: % % too much on the debit side',
            NEW.id, wrong.difference, wrong.currency USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER balances AFTER INSERT ON ledger_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_entry_balances();

CREATE FUNCTION ledger_line_belongs_to_new_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM added JOIN ledger_entry e ON e.id = added.entry_id
               WHERE e.posted_in <> pg_current_xact_id()) THEN
        RAISE EXCEPTION 'a posted journal entry gets no further lines'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER only_to_new_entries AFTER INSERT ON ledger_line
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_line_belongs_to_new_entry();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION platform_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_line
    FOR EACH STATEMENT EXECUTE FUNCTION platform_refuse_change();
"""
LATE_LINES = """
CREATE FUNCTION ledger_late_line_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT currency, sum(amount) AS difference INTO wrong FROM ledger_line
        WHERE entry_id = NEW.entry_id GROUP BY currency HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal entry % does not balance: % % too much on the debit side',
            NEW.entry_id, wrong.difference, wrong.currency USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER balances AFTER INSERT ON ledger_line
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (current_setting('meterline.entries_checked', true) = pg_current_xact_id()::text)
    EXECUTE FUNCTION ledger_late_line_balances();
"""
UNENFORCED = """
DROP TRIGGER balances ON ledger_line;
DROP FUNCTION ledger_late_line_balances;
DROP TRIGGER append_only ON ledger_line;
DROP TRIGGER append_only ON ledger_entry;
DROP TRIGGER only_to_new_entries ON ledger_line;
DROP FUNCTION ledger_line_belongs_to_new_entry;
DROP TRIGGER balances ON ledger_entry;
DROP FUNCTION ledger_entry_balances;
ALTER TABLE ledger_entry DROP COLUMN posted_in;
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("platform", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="TrialBalance",
            fields=[
                ("up_to", models.CharField(max_length=10, primary_key=True, serialize=False)),
                ("computed_at", models.DateTimeField()),
                ("content", models.JSONField()),
            ],
            options={
                "db_table": "ledger_trialbalance",
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
                ("date", models.DateField()),
                ("posted_at", models.DateTimeField()),
                ("kind", models.CharField(max_length=30)),
                ("reference", models.CharField(max_length=400)),
                ("account_id", models.BigIntegerField(null=True)),
            ],
            options={
                "db_table": "ledger_entry",
                "indexes": [
                    models.Index(fields=["account_id", "date", "id"], name="entries_by_account"),
                    models.Index(fields=["date", "id"], name="entries_by_date"),
                    models.Index(fields=["kind", "date", "id"], name="entries_by_kind"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Line",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("ledger_account", models.CharField(max_length=100)),
                ("account_id", models.BigIntegerField(null=True)),
                ("currency", models.CharField(max_length=3)),
                ("amount", models.DecimalField(decimal_places=10, max_digits=28)),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="ledger.entry"
                    ),
                ),
            ],
            options={
                "db_table": "ledger_line",
                "indexes": [
                    models.Index(
                        fields=["account_id", "ledger_account"],
                        name="ledger_line_account_845a73_idx",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount", 0), _negated=True), name="no_line_of_nothing"
                    )
                ],
            },
        ),
        migrations.RunSQL(ENFORCED + LATE_LINES, UNENFORCED),
    ]
