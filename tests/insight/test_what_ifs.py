"""Simulations that are kept: of a draft, of files, with what could not be."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from insight.operator import CATALOGUE, RAISED, changed, set_up, written
from procrastinate.contrib.django.models import ProcrastinateJob

from meterline.catalog import drafts
from meterline.catalog.drafts import Kept
from meterline.catalog.errors import CatalogInvalid
from meterline.insight import what_ifs
from meterline.insight.errors import UnknownSegment
from meterline.insight.jobs import SIMULATE, simulating
from meterline.insight.models import WhatIf
from meterline.insight.simulate import simulate
from meterline.insight.what_if_words import currencies, facts, largest, revenues

pytestmark = pytest.mark.django_db


def draft(text: str) -> drafts.Draft:
    return drafts.create("c.yaml", [Kept(path="c.yaml", content=text.encode())])


def test_a_report_says_what_the_simulation_says(tmp_path: Path, home: Path) -> None:
    set_up(tmp_path, CATALOGUE, ended=True)
    text = changed(*RAISED)
    one = what_ifs.ask_draft(draft(text), months=1, segment=["region=IT"])
    assert simulating(one.pk)
    job = ProcrastinateJob.objects.get(task_name=SIMULATE)
    assert job.args == {"what_if": one.pk}
    what_ifs.run(one.pk)
    one.refresh_from_db()
    found = simulate(written(tmp_path, text), months=1, segment=what_ifs.conditions(["region=IT"]))
    assert (one.state, one.done, one.total) == ("done", found.bills.height, found.bills.height)
    (part,) = currencies(one.report or {})
    sums = found.bills["total_now"].sum(), found.bills["total_then"].sum()
    assert (part["now"], part["then"]) == sums
    assert part["losers"] + part["winners"] + part["unchanged"] == part["accounts"]
    kept = pl.read_csv(what_ifs.bills_file(one), schema_overrides={"difference": pl.String})
    assert kept["account"].to_list() == ["it"]
    assert Decimal(kept["difference"][0]) == found.bills["difference"][0]
    (revenue,) = revenues(one.report or {})
    nets = [row["net_difference"] for row in revenue["rows"].rows]
    assert sum(nets) == part_net(found.bills)
    trees = largest((one.report or {})["largest_rises"] + (one.report or {})["largest_falls"])
    assert [tree["title"] for tree in trees] == ["it"]
    now, then = trees[0]["parts"]
    assert (now["title"], then["title"]) == ("The bill now", "The bill then")
    assert any("=" in line.get("arithmetic", "") for line in now["parts"])
    assert any("subscriptions" in str(value) for _term, value in facts(one))


def part_net(bills: pl.DataFrame) -> Decimal:
    return Decimal(bills["net_then"].sum() - bills["net_now"].sum())


def test_files_are_kept_until_they_are_worked_out(tmp_path: Path, home: Path) -> None:
    set_up(tmp_path, CATALOGUE, ended=True)
    kept = [Kept(path="c.yaml", content=changed(*RAISED).encode())]
    one = what_ifs.ask_files("c.yaml", kept, months=2, segment=[])
    what_ifs.run(one.pk)
    one.refresh_from_db()
    assert (one.state, one.draft) == ("done", None)
    assert one.total == 3


def test_what_cannot_be_is_told_before_and_after(home: Path) -> None:
    with pytest.raises(CatalogInvalid):
        what_ifs.ask_files("c.yaml", [Kept(path="c.yaml", content=b"a: 1")], months=1, segment=[])
    made = draft(CATALOGUE)
    with pytest.raises(UnknownSegment):
        what_ifs.ask_draft(made, months=1, segment=["colour=red"])
    assert WhatIf.objects.count() == 0
    WhatIf.objects.create(draft=made, name="c.yaml", months=1, segment=["colour=red"],
                          asked_by="user:a", asked_at=made.created_at)  # fmt: skip
    one = what_ifs.run(WhatIf.objects.get().pk)
    assert one.state == "failed"
    assert "colour=red" in one.problem


def test_one_that_was_interrupted_begins_anew(home: Path) -> None:
    one = what_ifs.ask_draft(draft(CATALOGUE), months=1, segment=[])
    ProcrastinateJob.objects.all()._raw_delete("default")
    assert not simulating(one.pk)
    WhatIf.objects.filter(pk=one.pk).update(state="working", done=3, total=9)
    what_ifs.again(one)
    one.refresh_from_db()
    assert (one.state, one.done, simulating(one.pk)) == ("waiting", 0, True)
