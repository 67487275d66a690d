"""Changes with a date: they are listed, taken back, and come whatever is asked for before."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from subscriptions.house import account, publish
from typer.testing import CliRunner

from meterline.customers.errors import InvalidField
from meterline.platform import clock
from meterline.subscriptions import commands, services, store
from meterline.subscriptions.errors import (
    IdentifierTaken,
    NoTerm,
    NotScheduled,
    SubscriptionEnded,
)

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _house(home: Path) -> None:
    clock.move_to(START)
    publish()
    services.subscribe(account_id=account(), plan="mobile", at=START, code="s", quantity=1)


def kinds(code: str = "s") -> list[tuple[str, str]]:
    return [(one.kind, f"{one.effective_at:%m-%d}") for one in services.scheduled(store.load(code))]


def phases(code: str = "s") -> list[str]:
    return [
        f"{one.start_at:%m-%d} x{one.quantity:.0f} {one.state}" for one in store.load(code).timeline
    ]


def test_each_comes_on_its_date() -> None:
    services.set_quantity("s", 3, START, date(2026, 3, 1))
    services.set_quantity("s", 2, START, date(2026, 2, 1))
    services.pause("s", START, date(2026, 4, 1))
    services.resume("s", START, date(2026, 5, 1))
    services.cancel("s", START, date(2026, 6, 1))
    assert kinds() == [
        ("set_quantity", "02-01"), ("set_quantity", "03-01"), ("pause", "04-01"),
        ("resume", "05-01"), ("cancel", "06-01"),
    ]  # fmt: skip
    assert phases() == [
        "01-01 x1 active", "02-01 x2 active", "03-01 x3 active", "04-01 x3 paused",
        "05-01 x3 active",
    ]  # fmt: skip
    clock.move_to(datetime(2026, 4, 2, tzinfo=UTC))
    assert [kind for kind, _ in kinds()] == ["resume", "cancel"]


def test_a_change_at_once_does_not_replace_it() -> None:
    services.change("s", "mobile_big", START, date(2026, 3, 1))
    services.change("s", "prepaid", datetime(2026, 2, 1, tzinfo=UTC), "now")
    assert kinds() == [("change", "02-01"), ("change", "03-01")]


def test_it_is_taken_back_and_the_log_keeps_both() -> None:
    services.set_quantity("s", 3, START, date(2026, 3, 1))
    (one,) = services.scheduled(store.load("s"))
    services.unschedule("s", one.number)
    assert (kinds(), phases()) == ([], ["01-01 x1 active"])
    assert [entry.kind for entry in store.load("s").log] == [
        "subscribe", "set_quantity", "unschedule",
    ]  # fmt: skip
    with pytest.raises(NotScheduled, match="no change"):
        services.unschedule("s", one.number)


def test_what_has_come_is_not_taken_back() -> None:
    services.set_quantity("s", 3, START, date(2026, 1, 2))
    (one,) = services.scheduled(store.load("s"))
    clock.move_to(datetime(2026, 1, 3, tzinfo=UTC))
    with pytest.raises(NotScheduled):
        services.unschedule("s", one.number)


def test_a_cancellation_taken_back_gives_identifiers_back_unless_they_are_taken() -> None:
    services.add_identifier("s", "msisdn", "391", START)
    services.cancel("s", START, date(2026, 3, 1))
    (one,) = services.scheduled(store.load("s"))
    services.subscribe(
        account_id=account(), plan="mobile", at=datetime(2026, 3, 5, tzinfo=UTC), code="t",
        identifiers={"msisdn": "391"},
    )  # fmt: skip
    with pytest.raises(IdentifierTaken):
        services.unschedule("s", one.number)


def test_nothing_comes_after_the_end_nor_at_the_end_of_no_term() -> None:
    services.cancel("s", START, date(2026, 3, 1))
    with pytest.raises(SubscriptionEnded):
        services.set_quantity("s", 3, START, date(2026, 3, 1))
    with pytest.raises(NoTerm, match="no contract term"):
        services.cancel("s", START, "end_of_term")


def test_commands() -> None:
    runner = CliRunner()

    def run(*words: str) -> str:
        result = runner.invoke(commands.app, list(words), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    assert "2026-03-01 00:00" in run("quantity", "s", "4", "--when", "2026-03-01")
    (row,) = json.loads(run("scheduled", "s", "--json"))
    assert (row["change"], row["at"], row["quantity"]) == ("set_quantity", "2026-03-01 00:00", "4")
    assert "taken back" in run("unschedule", "s", str(row["number"]))
    assert json.loads(run("scheduled", "s", "--json")) == []
    with pytest.raises(InvalidField, match="end_of_term or a date"):
        run("cancel", "s", "--when", "soon")
    assert "begins" in run("subscribe", "house", "roaming", "--base", "s", "--code", "r")
    shown = json.loads(run("show", "r", "--json"))
    assert shown["base"] == "s" and json.loads(run("show", "s", "--json"))["add-ons"] == ["r"]
