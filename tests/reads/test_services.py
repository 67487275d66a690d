"""From reads to invoices: files, estimates and true-ups, exchanges, review, gas, net metering."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D
from pathlib import Path

import pytest
from reads.world import REGISTER, bill, day, move, pieces, read, set_up, write_csv

from meterline.customers import services as customers
from meterline.customers.services import account_by_code
from meterline.invoices import reports
from meterline.invoices.models import Invoice
from meterline.platform import audit, events
from meterline.platform.models import AuditEntry
from meterline.reads import errors, services
from meterline.reads.models import Piece, Read
from meterline.subscriptions import services as subscriptions
from meterline.usage import services as usage
from meterline.usage.errors import BatchNotBackedOut, UsageFileError
from meterline.usage.models import Batch, Reject

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _home(home: Path) -> None:
    """Each test has a folder of usage of its own."""


def test_reads_are_billed_as_usage() -> None:
    set_up()
    read("2026-02-01", 1_310)
    assert pieces() == [("energy", D(310), "actual")]
    assert bill("2026-02-01") == [("energy", D(310), D(62))]


def test_a_read_within_the_month_is_split_at_the_billing_day() -> None:
    set_up()
    read("2026-01-11", 1_100)
    read("2026-02-10", 1_400)
    assert pieces() == [("energy", D(100), "actual"), ("energy", D(210), "interpolated"),
                        ("energy", D(90), "interpolated")]  # fmt: skip
    assert bill("2026-02-10") == [("energy", D(310), D(62))]


def test_an_estimate_is_trued_up_by_the_next_bill() -> None:
    set_up()
    read("2026-01-21", 1_200)
    made = services.estimate(day("2026-02-01"))
    assert (made.registers, made.followed.without_estimate) == (1, 0)
    assert pieces() == [("energy", D(200), "actual"), ("energy", D(110), "estimated")]
    assert bill("2026-02-01") == [("energy", D(310), D(62))]
    read("2026-03-01", 1_400)
    # of 39 days 11 lie before: 56 instead of the 110 that were estimated
    assert pieces()[1:] == [("energy", D(56), "interpolated"), ("energy", D(144), "interpolated")]
    assert bill("2026-03-01") == [("energy", D(-54), D("-10.80")), ("energy", D(144), D("28.80"))]
    assert services.estimate(day("2026-03-01")).registers == 0


def test_lines_tell_what_was_read_and_what_was_estimated() -> None:
    set_up()
    read("2026-01-21", 1_200)
    services.estimate(day("2026-02-01"))
    bill("2026-02-01")
    first = Invoice.objects.get()
    (block,) = reports.document(first.number).blocks
    assert block.lines[0].detail == "meter S1 from 1000 to 1310, estimated"
    read("2026-02-01", 1_290, quality="customer")
    bill("2026-02-02")
    (block,) = reports.document(Invoice.objects.latest("id").number).blocks
    told = "correction, meter S1 from 1000 to 1290, as you have read it"
    assert block.lines[0].detail == told
    (block,) = reports.document(first.number).blocks  # what was issued stays as it was
    assert block.lines[0].detail == "meter S1 from 1000 to 1310, estimated"
    ((_line, why),) = reports.explain(first.number)
    assert why.rule.endswith("meter S1 from 1000 to 1310, estimated")
    assert why.amount == 62


def test_a_customers_read_replaces_an_estimate_and_an_actual_one_the_customers() -> None:
    set_up()
    read("2026-01-21", 1_200)
    services.estimate(day("2026-02-01"))
    assert bill("2026-02-01") == [("energy", D(310), D(62))]
    read("2026-02-01", 1_250, quality="customer")
    assert pieces()[1:] == [("energy", D(50), "customer")]
    assert bill("2026-02-02") == [("energy", D(-60), D(-12))]
    read("2026-02-01", 1_240)
    assert pieces()[1:] == [("energy", D(40), "actual")]
    assert bill("2026-02-03") == [("energy", D(-10), D(-2))]


def test_an_exchange_adds_up() -> None:
    set_up()
    read("2026-01-11", 1_100)
    new = services.NewMeter(serial="S2")
    move("2026-01-25")
    services.exchange("S1", new, day("2026-01-20"), final={"1": D(1_190)}, first={"1": D(7)})
    read("2026-02-01", 127, serial="S2")
    assert [amount for _, amount, _ in pieces()] == [100, 90, 120]
    assert bill("2026-02-01") == [("energy", D(310), D(62))]
    with pytest.raises(errors.MeterNotInstalled):
        services.remove("S1", day("2026-01-25"))
    with pytest.raises(errors.InvalidRead, match="not_installed"):
        read("2026-01-25", 1_250)


def test_a_removal_without_a_read_is_estimated() -> None:
    set_up()
    read("2026-01-11", 1_100)
    move("2026-01-25")
    services.exchange("S1", services.NewMeter(serial="S2"), day("2026-01-21"), first={"1": D(0)})
    assert pieces() == [("energy", D(100), "actual"), ("energy", D(100), "estimated")]


def test_a_meter_comes_again_elsewhere_but_is_never_twice() -> None:
    set_up()
    with pytest.raises(errors.MeterInstalled):
        services.install(services.NewMeter(serial="S1"), "other", day("2026-01-02"))
    move("2026-01-25")
    services.remove("S1", day("2026-01-20"), {"1": D(1_190)})
    with pytest.raises(errors.MeterKnown):
        services.install(services.NewMeter(serial="S1", registers=[REGISTER]), "other",
                         day("2026-01-20"))  # fmt: skip
    services.install(services.NewMeter(serial="S1"), "other", day("2026-01-20"), {"1": D(1_190)})
    read("2026-02-01", 1_200)
    assert pieces(identifier="place") == [("energy", D(190), "actual")]
    assert pieces(identifier="other") == [("energy", D(10), "actual")]
    assert Reject.objects.get().reason == "unknown_identifier"  # nobody has a contract there


def test_a_file_counts_once_and_its_rejects_are_listed_and_recycled(tmp_path: Path) -> None:
    set_up()
    rows = ["S1,2026-01-11,1100", "S1,2026-01-21,1200", "S1,2026-01-21,1200.0",
            "S9,2026-01-21,1", "S1,2026-01-22,123456", "S1,2026-01-23,12.5", "S1,soon,1",
            "S1,2026-01-24,much", "S1,2025-01-24,900", ",2026-01-24,900",
            "S1,2026-01-25"]  # fmt: skip
    file = write_csv(tmp_path, rows)
    bill("2026-01-30")
    batch = usage.load_file(file)
    assert (batch.format, batch.records, batch.rated, batch.rejected, batch.duplicates) == (
        "reads", 11, 2, 8, 1
    )  # fmt: skip
    assert services.load_file(file).pk != batch.pk  # named, it is another way to read it
    assert usage.load_file(file) == batch
    found = Reject.objects.filter(batch=batch).order_by("line").values_list("line", "reason")
    assert list(found) == [
        (5, "unknown_meter"), (6, "too_many_digits"), (7, "too_many_digits"), (8, "invalid_time"),
        (9, "invalid_quantity"), (10, "not_installed"), (11, "malformed"), (12, "malformed"),
    ]  # fmt: skip
    assert [amount for _, amount, _ in pieces()] == [100, 100]
    wide = Reject.objects.get(batch=batch, line=6)
    assert wide.record["value"] == "123456"
    again = usage.recycle([wide.pk], changes={"value": "1210"})
    assert again is not None
    assert (again.format, again.rated) == ("reads", 1)
    wide.refresh_from_db()
    assert wide.state == "recycled"
    strange = Reject.objects.get(batch=batch, line=5)
    refused = usage.recycle([strange.pk])
    assert refused is not None
    assert Reject.objects.get(batch=refused).line == 5
    assert [amount for _, amount, _ in pieces()] == [100, 100, 10]


def test_a_batch_of_reads_is_backed_out(tmp_path: Path) -> None:
    set_up()
    bill("2026-01-30")
    batch = usage.load_file(write_csv(tmp_path, ["S1,2026-01-11,1100", "S1,2026-01-21,1200"]))
    made = Batch.objects.filter(source="reads", format="records").latest("id")
    with pytest.raises(BatchNotBackedOut, match="the batch that they came with"):
        usage.back_out(made.pk)
    usage.back_out(batch.pk)
    batch.refresh_from_db()
    assert (batch.state, pieces()) == ("backed_out", [])
    with pytest.raises(BatchNotBackedOut):
        usage.back_out(batch.pk)
    again = usage.load_file(tmp_path / "reads.csv")
    assert (again.pk != batch.pk, again.rated) == (True, 2)


def test_a_file_of_places_finds_the_meter_of_the_time(tmp_path: Path) -> None:
    set_up(REGISTER, services.RegisterSpec(code="2", dials=5))
    bill("2026-01-30")
    rows = ["place,2026-01-11,1100,1", "place,2026-01-11,5,", "nowhere,2026-01-11,5,1",
            "place,2025-01-11,5,1"]  # fmt: skip
    header = "identifier,at,value,register"
    batch = usage.load_file(write_csv(tmp_path, rows, header=header))
    found = Reject.objects.filter(batch=batch).order_by("line").values_list("line", "reason")
    assert list(found) == [(3, "unknown_register"), (4, "not_installed"), (5, "not_installed")]
    assert pieces() == [("energy", D(100), "actual")]
    with pytest.raises(UsageFileError, match="the header has no column serial"):
        services.load_file(write_csv(tmp_path, ["1,2"], "b.csv", "at,value"))


def test_a_held_read_waits_until_somebody_decides() -> None:
    set_up()
    read("2026-01-16", 1_150)
    held = read("2026-02-01", 9_000)
    assert held is not None
    assert (held.state, held.reason, pieces()) == ("held", "spike", [("energy", D(150), "actual")])
    with audit.acting_as("carla"):
        services.replace(held.pk, D(1_310), note="by telephone")
    entry = AuditEntry.objects.filter(action="reads.replace").latest("id")
    assert (entry.actor, entry.after["note"], entry.before["value"]) == (
        "carla", "by telephone", "9000.000000"
    )  # fmt: skip
    assert pieces()[1] == ("energy", D(160), "substituted")
    accepted = read("2026-02-15", 7_000)
    assert accepted is not None
    services.accept([accepted.pk])
    assert pieces()[-1] == ("energy", D(5_690), "substituted")
    services.dismiss([accepted.pk])
    assert len(pieces()) == 2
    with pytest.raises(errors.UnknownRead):
        services.accept([accepted.pk])


def test_what_was_read_before_gives_way_to_what_was_reviewed() -> None:
    set_up()
    read("2026-01-16", 1_400)
    lower = read("2026-02-01", 1_310)
    assert lower is not None
    assert lower.reason == "negative"
    services.accept([lower.pk])
    assert pieces() == [("energy", D(310), "actual")]
    third = read("2026-02-15", 1_200)
    assert third is not None
    with pytest.raises(errors.ReadContradicted, match="2026-01-31"):
        services.accept([third.pk])
    third.refresh_from_db()
    assert third.state == "held"


def test_of_two_reads_at_once_the_accepted_one_counts() -> None:
    set_up()
    first = read("2026-02-01", 1_310)
    second = read("2026-02-01", 1_300)
    assert first is not None
    assert second is not None
    assert (second.reason, read("2026-02-01", 1_310)) == ("conflict", None)
    services.accept([second.pk])
    first.refresh_from_db()
    assert (first.state, first.replaced_by) == ("replaced", second)
    assert pieces() == [("energy", D(300), "actual")]


def test_gas_waits_for_its_factor() -> None:
    gas = services.RegisterSpec(code="1", dials=5, unit="m3", usage_meter="gas", zone="north")
    set_up(gas)
    read("2026-02-01", 1_100)
    assert pieces() == []
    made = services.set_factor("north", day("2025-01-01"), calorific_value=D("39.5"),
                               correction_factor=D("1.02264"))  # fmt: skip
    assert made.made == 1
    assert pieces() == [("gas", D(1_122), "actual")]
    assert bill("2026-02-01") == [("gas", D(1_122), D("112.20"))]
    services.set_factor("north", day("2026-01-01"), calorific_value=D("40"),
                        correction_factor=D("1.02264"))  # fmt: skip
    assert bill("2026-02-02") == [("gas", D(14), D("1.40"))]


def test_what_is_fed_in_is_paid_for() -> None:
    fed_in = services.RegisterSpec(code="2", dials=5, usage_meter="fed_in", direction="export")
    set_up(REGISTER, fed_in)
    read("2026-02-01", 1_310, register="1")
    read("2026-02-01", 1_100, register="2")
    assert bill("2026-02-01") == [("energy", D(310), D(62)), ("fed_in", D(100), D(-5))]


def test_net_metering_in_each_interval() -> None:
    parts = [services.RegisterSpec(code=code, dials=5) for code in ("1", "2")]
    set_up(*parts)
    services.set_virtual("net", "place", [(1, "place", "1"), (-1, "place", "2")],
                         usage_meter="energy", surplus_meter="fed_in")  # fmt: skip
    for when, bought, sold in (("2026-01-16", 1_150, 1_050), ("2026-02-01", 1_160, 1_090)):
        read(when, bought, register="1")
        read(when, sold, register="2")
    assert pieces() == [("energy", D(100), "actual"), ("fed_in", D(30), "actual")]
    services.set_virtual("net", "place", [(1, "place", "1")], usage_meter="energy")
    assert [amount for _, amount, _ in pieces()] == [150, 10]


def test_who_moves_out_pays_for_what_was_used_before() -> None:
    set_up()
    read("2026-01-11", 1_100)
    subscriptions.cancel("ann", when=day("2026-01-21"))
    owner = account_by_code("ann")
    subscriptions.subscribe(account_id=owner.pk, plan="home", code="bob", at=day("2026-01-21"),
                            identifiers={"service_point": "place"})  # fmt: skip
    read("2026-02-01", 1_310)
    assert [amount for _, amount, _ in pieces()] == [100, 100, 110]
    assert bill("2026-02-01") == [("energy", D(200), D(40)), ("energy", D(110), D(22))]


def test_usage_follows_a_contract_that_changed_after_the_read() -> None:
    set_up()
    read("2026-02-01", 1_310)
    subscriptions.cancel("ann", when=day("2026-01-21"))
    assert services.catch_up().made == 2
    assert bill("2026-02-01") == [("energy", D(200), D(40))]
    assert (services.catch_up().made, services.refresh().made) == (0, 0)


def test_a_bill_run_follows_contracts_first() -> None:
    set_up()
    read("2026-02-01", 1_310)
    owner = account_by_code("ann")
    subscriptions.end_identifier("place", day("2026-01-21"))
    subscriptions.subscribe(account_id=owner.pk, plan="home", code="bob", at=day("2026-01-21"))
    subscriptions.add_identifier("bob", "service_point", "place", day("2026-01-21"))
    assert bill("2026-02-01") == [("energy", D(200), D(40)), ("energy", D(110), D(22))]
    subscriptions.cancel("bob", when=day("2026-01-26"))
    assert bill("2026-02-02") == [("energy", D(-60), D(-12))]
    assert services.refresh().made == 0


def test_contracts_that_come_in_files_are_followed(tmp_path: Path) -> None:
    set_up()
    subscriptions.end_identifier("place", day("2026-01-11"))
    read("2026-02-01", 1_310)
    assert services.catch_up().made == 0
    contracts, values = tmp_path / "subscriptions.csv", tmp_path / "identifiers.csv"
    contracts.write_text("code,account,plan,start\nbob,ann,home,2026-01-21\n")
    assert subscriptions.import_file("subscriptions", contracts).created == 1
    values.write_text("subscription,kind,value\nbob,service_point,place\n")
    assert subscriptions.import_file("identifiers", values).created == 1
    assert services.catch_up().made > 0
    assert [amount for _, amount, _ in pieces()] == [100, 100, 110]


def test_a_place_is_split_by_the_days_on_which_its_account_is_billed() -> None:
    set_up()
    read("2026-02-20", 1_500)
    assert [amount for _, amount, _ in pieces()] == [310, 190]
    customers.set_billing_day(account_by_code("ann").pk, 10, date(2026, 1, 5))
    while events.publish():
        pass
    assert services.catch_up().made > 0
    assert [amount for _, amount, _ in pieces()] == [90, 310, 100]


def test_rules_change_how_reads_are_split_and_checked() -> None:
    set_up()
    services.set_rule("", spike_percent=1_000, split="none")
    read("2026-01-16", 1_150)
    read("2026-02-10", 2_000)
    assert [amount for _, amount, _ in pieces()] == [150, 850]
    services.set_rule("energy", split="day")
    assert len(pieces()) == 40
    assert sum(amount for _, amount, _ in pieces()) == 1_000
    with pytest.raises(errors.InvalidRule, match="month or day or none"):
        services.set_rule("energy", split="week")


def test_pieces_never_change_and_every_record_is_told_by_one() -> None:
    set_up()
    read("2026-01-21", 1_200)
    services.estimate(day("2026-02-01"))
    read("2026-02-01", 1_290)
    gone = Piece.objects.exclude(gone_at=None).get()
    assert (gone.quality, gone.quantity) == ("estimated", 110)
    with pytest.raises(errors.UnknownMeter):
        services.add("S7", D(1), day("2026-02-01"))
    assert Read.objects.count() == 3
