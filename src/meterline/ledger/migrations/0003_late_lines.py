"""A line that comes after its entry was checked is checked too; references may be longer."""

from django.db import migrations, models

# The check of an entry runs once: when its transaction commits, or at SET CONSTRAINTS ALL
# IMMEDIATE. From then on each further line of the transaction is checked by itself; a check a line
# from the beginning would be several times as dear in bulk.
ENTRY = """
CREATE OR REPLACE FUNCTION ledger_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
{remember}
    SELECT currency, sum(amount) AS difference INTO wrong FROM ledger_line
        WHERE entry_id = NEW.id GROUP BY currency HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal entry % does not balance: % % too much on the debit side',
            NEW.id, wrong.difference, wrong.currency USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
"""
REMEMBER = """
    IF current_setting('meterline.entries_checked', true)
            IS DISTINCT FROM pg_current_xact_id()::text THEN
        PERFORM set_config('meterline.entries_checked', pg_current_xact_id()::text, true);
    END IF;
"""
LATE_LINE = """
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
UNDO = """
DROP TRIGGER balances ON ledger_line;
DROP FUNCTION ledger_late_line_balances;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_enforced")]
    operations = [
        migrations.AlterField("entry", "reference", models.CharField(max_length=400)),
        migrations.RunSQL(
            ENTRY.format(remember=REMEMBER) + LATE_LINE, UNDO + ENTRY.format(remember="")
        ),
    ]
