"""One holder of a number at a time, whatever happens at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterline.catalog import files
from meterline.catalog import services as catalog
from meterline.customers import services as customers
from meterline.kernel.errors import MeterlineError
from meterline.subscriptions import services
from meterline.subscriptions.errors import (
    IdentifierTaken,
    SubscriptionCodeTaken,
    UnknownIdentifier,
)
from meterline.subscriptions.models import Change, Identifier, Subscription

CATALOG = """
currency: EUR
timezone: UTC
plans:
  phone:
    name: Phone
    effective: 2020-01-01
    prices: {base: {kind: recurring, model: flat, amount: 10}}
"""
NUMBER = "393201234567"


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def publish(folder: Path) -> int:
    """The catalogue, and an account in it."""
    path = folder / "catalog.yaml"
    path.write_text(CATALOG, encoding="utf-8")
    catalog.apply(files.parse(path))
    return customers.create_account(code="A", currency="EUR").id


def subscribe(account: int, code: str, start: str, number: str | None = None) -> Subscription:
    return services.subscribe(
        account_id=account, plan="phone", at=day(start), code=code,
        identifiers={"msisdn": number} if number else None,
    )  # fmt: skip


def ranges(value: str = NUMBER) -> list[tuple[str, str, str | None]]:
    return [
        (row.subscription.code, f"{row.start_at:%m-%d}", row.end_at and f"{row.end_at:%m-%d}")
        for row in Identifier.objects.filter(value=value).order_by("start_at", "id")
    ]


@pytest.mark.django_db
def test_the_holder_is_named(tmp_path: Path) -> None:
    account = publish(tmp_path)
    subscribe(account, "first", "2026-01-01", NUMBER)
    with pytest.raises(IdentifierTaken, match="belongs to subscription first from 2026-01-01"):
        subscribe(account, "second", "2026-02-01", NUMBER)
    assert not Subscription.objects.filter(code="second").exists()


@pytest.mark.django_db
def test_a_number_goes_on_to_the_next_from_the_end(tmp_path: Path) -> None:
    account = publish(tmp_path)
    subscribe(account, "first", "2026-01-01", NUMBER)
    services.cancel("first", day("2026-01-20"))
    subscribe(account, "second", "2026-01-20", NUMBER)
    assert ranges() == [("first", "01-01", "01-20"), ("second", "01-20", None)]


@pytest.mark.django_db
def test_a_cancellation_taken_back_opens_the_number_again(tmp_path: Path) -> None:
    account = publish(tmp_path)
    subscribe(account, "first", "2026-01-01", NUMBER)
    services.cancel("first", day("2026-01-20"), when="end_of_period")
    assert ranges() == [("first", "01-01", "02-01")]
    services.uncancel("first", day("2026-01-25"))
    assert ranges() == [("first", "01-01", None)]


@pytest.mark.django_db
def test_it_is_not_taken_back_where_another_has_the_number_by_now(tmp_path: Path) -> None:
    account = publish(tmp_path)
    subscribe(account, "first", "2026-01-01", NUMBER)
    services.cancel("first", day("2026-01-20"), when="end_of_period")
    subscribe(account, "second", "2026-02-01", NUMBER)
    with pytest.raises(IdentifierTaken, match="second"):
        services.uncancel("first", day("2026-01-25"))
    assert services.state("first", day("2026-02-02")) == "cancelled"


@pytest.mark.django_db
def test_a_number_that_ended_for_itself_stays_ended(tmp_path: Path) -> None:
    account = publish(tmp_path)
    subscribe(account, "first", "2026-01-01", NUMBER)
    services.end_identifier(NUMBER, day("2026-01-10"))
    services.cancel("first", day("2026-01-20"), when="end_of_period")
    services.uncancel("first", day("2026-01-25"))
    assert ranges() == [("first", "01-01", "01-10")]
    with pytest.raises(UnknownIdentifier):
        services.end_identifier(NUMBER, day("2026-01-11"))


@pytest.mark.django_db
def test_a_second_number_ends_with_the_subscription(tmp_path: Path) -> None:
    account = publish(tmp_path)
    subscribe(account, "first", "2026-01-01", NUMBER)
    services.cancel("first", day("2026-01-20"), when="end_of_period")
    services.add_identifier("first", "msisdn", "39320", day("2026-01-22"))
    assert ranges("39320") == [("first", "01-22", "02-01")]
    services.cancel("first", day("2026-01-25"), when="now")
    assert ranges("39320") == [("first", "01-22", "01-25")]


@pytest.mark.django_db
def test_a_frame_of_who_holds_what(tmp_path: Path) -> None:
    account = publish(tmp_path)
    first = subscribe(account, "first", "2026-01-01", NUMBER)
    subscribe(account, "second", "2026-01-05", "39320")
    frame = services.identifiers_frame([NUMBER])
    assert frame.rows() == [(first.id, "msisdn", NUMBER, day("2026-01-01"), None)]
    assert services.identifiers_frame().height == 2


@pytest.mark.django_db
def test_the_database_itself_refuses_what_overlaps(tmp_path: Path) -> None:
    account = publish(tmp_path)
    first = subscribe(account, "first", "2026-01-01", NUMBER)
    with pytest.raises(IntegrityError), transaction.atomic():
        Identifier.objects.create(
            subscription=first, kind="imsi", value=NUMBER, start_at=day("2026-05-01")
        )


@pytest.mark.usefixtures("at_once")
def test_of_many_at_once_one_gets_the_number_and_one_the_code(tmp_path: Path) -> None:
    account = publish(tmp_path)
    barrier = Barrier(6)

    def try_for(code: str) -> str:
        try:
            barrier.wait(timeout=30)
            subscribe(account, code, "2026-01-01", NUMBER)
        except (IdentifierTaken, SubscriptionCodeTaken) as error:
            return error.code
        finally:
            connection.close()
        return "made"

    with ThreadPoolExecutor(6) as threads:
        numbers = list(threads.map(try_for, [f"s{n}" for n in range(6)]))
    assert sorted(numbers) == ["identifier_taken"] * 5 + ["made"]
    with ThreadPoolExecutor(6) as threads:
        codes = list(threads.map(try_for, ["same"] * 6))
    assert set(codes) <= {"identifier_taken", "subscription_code_taken"}
    assert [row.id for row in Change.objects.order_by("recorded_at")] == sorted(
        Change.objects.values_list("id", flat=True)
    )


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["subscribe", "cancel", "uncancel", "end", "add"]),
        st.integers(0, 2),
        st.integers(0, 120),
        st.sampled_from(["1", "2"]),
    ),
    max_size=14,
)


@pytest.mark.django_db
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(actions=ACTIONS)
def test_no_number_is_held_twice_at_an_instant(
    tmp_path: Path, actions: list[tuple[str, int, int, str]]
) -> None:
    """Whatever is asked for is done or refused; the constraint is never what stops it."""
    with transaction.atomic():
        account = publish(tmp_path)
        for action, who, after, number in actions:
            at = day("2026-01-01") + timedelta(days=after)
            try:
                with transaction.atomic():
                    _act(account, action, f"s{who}", at, number)
            except MeterlineError:
                continue
        for value in ("1", "2"):
            held = [
                row for row in Identifier.objects.filter(value=value).order_by("start_at", "id")
                if row.start_at != row.end_at
            ]  # fmt: skip
            for row, following in pairwise(held):
                assert row.end_at is not None
                assert row.end_at <= following.start_at
        transaction.set_rollback(True)


def _act(account: int, action: str, code: str, at: datetime, number: str) -> None:
    match action:
        case "subscribe":
            subscribe(account, code, f"{at:%Y-%m-%d}", number)
        case "cancel":
            services.cancel(code, at, when="end_of_period" if number == "1" else "now")
        case "uncancel":
            services.uncancel(code, at)
        case "end":
            services.end_identifier(number, at)
        case "add":
            services.add_identifier(code, "msisdn", number, at)
