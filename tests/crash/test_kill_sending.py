"""Sending killed at random moments: nothing goes twice, nothing is lost unseen."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes

import psycopg
import pytest
from crash.company import BILL, Company
from crash.test_kill import killed

pytestmark = pytest.mark.slow

KILLS_LEAST = 8
WANT_MAIL = """
UPDATE customers_account SET delivery = 'email';
UPDATE customers_party SET email = code || '@example.com';
"""
STATES = "SELECT state, count(*) FROM invoices_sending GROUP BY 1"
SENDINGS = "SELECT invoice_id, id, state FROM invoices_sending"


def mailed(company: Company) -> Counter[str]:
    """How often each message lies in the folder of mails; a file may hold several, each ended by a
    line that is written last."""
    whole = [
        message
        for path in (company.folder / "mail").glob("*")
        for message in path.read_bytes().split(b"-" * 79 + b"\n")[:-1]
    ]
    return Counter(str(message_from_bytes(message)["Message-ID"]) for message in whole)


def test_killed_senders(copy: Callable[[str], Company]) -> None:
    company = copy("sending")
    with psycopg.connect(company.url, autocommit=True) as database:
        database.execute(WANT_MAIL)
    company.run("-c", BILL, "run", "1")
    chance = random.Random(20260201)
    kills = 0
    with psycopg.connect(company.url, autocommit=True) as database:
        issued = dict(database.execute(STATES).fetchall())["waiting"]
        while dict(database.execute(STATES).fetchall()).get("waiting"):
            going = company.start("-m", "meterline", "invoice", "send")
            kills += killed(going, chance, 4) if kills < KILLS_LEAST else going.wait() and 0
        company.meterline("invoice", "send")  # says of the last one that it is unknown
        rows = database.execute(SENDINGS).fetchall()
    assert kills >= KILLS_LEAST
    assert len(rows) == issued
    assert {state for *_, state in rows} <= {"sent", "unknown"}
    assert sum(state == "unknown" for *_, state in rows) <= kills
    found = mailed(company)
    assert set(found.values()) == {1}
    names = {f"<invoice-{invoice}-{pk}@localhost>": state for invoice, pk, state in rows}
    assert set(found) <= set(names)
    assert {names[one] for one in set(names) - set(found)} <= {"unknown"}
