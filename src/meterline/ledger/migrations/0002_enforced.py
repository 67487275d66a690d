"""Entries balance when they commit, and stay as they are."""

from django.db import migrations

FORWARD = """
ALTER TABLE ledger_entry ADD COLUMN posted_in xid8 NOT NULL DEFAULT pg_current_xact_id();

CREATE FUNCTION ledger_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
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
BACKWARD = """
DROP TRIGGER append_only ON ledger_line;
DROP TRIGGER append_only ON ledger_entry;
DROP TRIGGER only_to_new_entries ON ledger_line;
DROP FUNCTION ledger_line_belongs_to_new_entry;
DROP TRIGGER balances ON ledger_entry;
DROP FUNCTION ledger_entry_balances;
ALTER TABLE ledger_entry DROP COLUMN posted_in;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial"), ("platform", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
