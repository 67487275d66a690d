"""Meters from CSV files, in bulk; commands."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal as D
from pathlib import Path

import polars as pl
import pytest
from reads.world import day, move, pieces, set_up, write_csv
from typer.testing import CliRunner

from meterline.reads import commands, meter_commands
from meterline.reads.imports import import_meters
from meterline.reads.models import Installation, Meter, Piece, Read, Register

pytestmark = pytest.mark.django_db
HEADER = "serial,identifier,start,register,dials,decimals,meter,zone,unit,value,timezone"


@pytest.fixture(autouse=True)
def _home(home: Path) -> None:
    """Each test has a folder of usage of its own."""


def test_meters_are_imported_whole_or_not_at_all(tmp_path: Path) -> None:
    set_up()
    rows = [
        "A1,place,2026-01-01,1,5,1,energy,,kWh,100.5,", "A1,place,2026-01-01,2,5,0,,,kWh,7,",
        "A2,far,2026-01-01T00:00:00Z,v,5,0,gas,north,m3,,Europe/London",
        "S1,place,2026-01-01,1,5,0,energy,,kWh,1,",
        "A3,place,2026-01-01,1,5,0,energy,,kWh,123456,", "A3,place,2026-01-01,2,5,0,,,kWh,1,",
        "A4,place,2026-01-01,1,5,0,gas,north,kWh,,", "A5,place,2026-01-01,1,5,0,,,kWh,,",
        "A5,other,2026-01-01,2,5,0,,,kWh,,", "A6,place,soon,1,5,0,,,kWh,,",
        "A7,place,2026-01-01,1,5,0,,,kWh,,", "A7,place,2026-01-01,1,5,0,,,kWh,,",
    ]  # fmt: skip
    file = write_csv(tmp_path, rows, "meters.csv", HEADER)
    assert import_meters(file, dry_run=True).created == 3
    assert Meter.objects.count() == 1
    report = import_meters(file)
    assert (report.rows, report.created, report.rejected) == (12, 3, 9)
    assert report.rejects is not None
    told = pl.read_csv(report.rejects, columns=["line", "reason"]).sort("line").rows()
    assert [reason for _, reason in told] == [
        "code_taken", "too_many_digits", "incomplete", "invalid_field", "invalid_field",
        "invalid_field", "invalid_field", "incomplete", "code_taken",
    ]  # fmt: skip
    assert {one.serial: one.timezone for one in Meter.objects.exclude(serial="S1")} == {
        "A1": "Europe/Rome", "A2": "Europe/London"
    }  # fmt: skip
    assert Installation.objects.get(meter__serial="A1").start_at == day("2026-01-01")
    assert Installation.objects.get(meter__serial="A2").start_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert Read.objects.get(register__meter__serial="A1", register__code="1").value == D("100.5")
    assert Register.objects.get(meter__serial="A2").zone == "north"


def run(app: object, *words: str) -> str:
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)  # type: ignore[arg-type]
    assert done.exit_code == 0, done.output
    return done.output


def test_the_commands(tmp_path: Path) -> None:
    set_up()
    move("2026-03-01")
    reads, meter = commands.app, meter_commands.app
    file = write_csv(tmp_path, ["S1,2026-01-16,1150", "S1,2026-01-21,9000"])
    assert "2 kept (1 held for review), 0 rejected" in run(reads, "load", str(file))
    held = Read.objects.get(state="held").pk
    assert "spike" in run(reads, "list", "--state", "held", "--meter", "S1")
    assert "in the place of" in run(reads, "replace", str(held), "1200", "--note", "seen")
    told = run(reads, "estimate", "2026-02-01", "--zone", "Europe/Rome", "--place", "place")
    assert "1 registers were not read; 1 pieces of usage are new" in told.replace("\n", " ")
    assert "estimated" in run(reads, "show", "S1")
    assert "Read" in run(reads, "add", "S1", "1300", "--at", "2026-02-01")
    assert "said before" in run(reads, "add", "S1", "1300", "--at", "2026-02-01")
    exchange = ("exchange", "S1", "S2", "--at", "2026-02-11", "--final", "1400", "--first", "0")
    assert "S2 is at place" in run(meter, *exchange)
    assert sum(amount for _, amount, _ in pieces()) == 400
    assert "place" in run(meter, "list", "--find", "S2")
    assert "has left place" in run(meter, "remove", "S2", "--at", "2026-02-21", "--read", "1=50")
    spec = "code=1.8.0,dials=5,decimals=1,meter=energy"
    told = run(meter, "install", "S3", "place", "--register", spec, "--read", "5.5",
               "--at", "2026-02-21")  # fmt: skip
    assert "2026-02-21" in told
    assert Read.objects.get(register__meter__serial="S3").value == D("5.5")
    assert "last_year" in run(reads, "rule", "energy", "--estimate-by", "last_year")
    assert "0 pieces" in run(reads, "factor", "north", "2026-01-01", "--calorific-value", "40")
    assert "0 pieces" in run(reads, "profile", "heat", *["1"] * 12)
    told = run(reads, "virtual", "--meter", "fed_in", "sum", "place", "+place/1")
    assert "pieces of usage are new" in told
    assert Piece.objects.filter(usage_meter="fed_in", gone_at=None).exists()
    assert "0 pieces of usage are new" in run(reads, "refresh")
    assert "dismissed" in run(reads, "dismiss", str(Read.objects.latest("id").pk))
