"""Drafts from file to publication: who may do what when, and what stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import Error as DatabaseError
from django.db import transaction
from typer.testing import CliRunner, Result

from meterline.authoring.bundle import bundle
from meterline.authoring.commands import app
from meterline.authoring.errors import ScenarioOfAnother, ScenariosMalformed
from meterline.catalog import drafts, files, services
from meterline.catalog.errors import (
    CatalogInvalid,
    CatalogMoved,
    DraftState,
    NothingToPublish,
    NotTried,
    ReviewRequired,
    SameEyes,
    TrialFailed,
    UnknownDraft,
)
from meterline.catalog.models import Draft, DraftFile, PlanVersion, Trial
from meterline.kernel.errors import MeterlineError
from meterline.platform import audit
from meterline.platform.models import AuditEntry, Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
CATALOGUE = """\
currency: EUR
meters: {calls: {aggregation: count}}
rate_cards: {world: {key: {field: to}, file: decks/rates.csv}}
plans:
  a:
    prices:
      base: {kind: recurring, model: flat, amount: "9.90"}
      calls: {kind: usage, meter: calls, model: rate_card, card: world}
"""
SCENARIO = """\
scenario: a month
catalog: ../c.yaml
accounts: {A: {}}
steps:
  - {at: 2024-01-01, do: subscribe, account: A, plan: a, as: s}
  - {do: usage_file, path: used.csv}
  - {at: 2024-01-01, do: bill, expect: [{account: A, total: "9.90"}]}
"""
HELD = [{"file": "month.yaml", "scenario": "a month", "passed": True, "differences": []}]
FAILED = [{**HELD[0], "passed": False, "differences": ["line 7: another total"]}]
DAY = date(2027, 1, 1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "decks").mkdir()
    (tmp_path / "decks" / "rates.csv").write_text("key,step1_price\n39,0.1\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "month.yaml").write_text(SCENARIO)
    (tmp_path / "tests" / "used.csv").write_text("id,meter,subscription,start,to\n")
    (tmp_path / "c.yaml").write_text(CATALOGUE)
    return tmp_path / "c.yaml"


@pytest.fixture
def draft(file: Path) -> Draft:
    return kept(file)


def kept(file: Path, *, scenarios: bool = True) -> Draft:
    with audit.acting_as("ann"):
        found = [file.parent / "tests" / "month.yaml"] if scenarios else []
        return drafts.create(*bundle(file, found), note="dearer")


@contextmanager
def refused(error: type[MeterlineError], match: str = "") -> Iterator[None]:
    """Refused, and nothing has changed."""
    before = list(Draft.objects.values()), PlanVersion.objects.count(), AuditEntry.objects.count()
    with pytest.raises(error, match=match):
        yield
    after = list(Draft.objects.values()), PlanVersion.objects.count(), AuditEntry.objects.count()
    assert after == before


def invoke(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if isinstance(result.exception, MeterlineError):
        raise result.exception
    return result


def test_from_draft_to_publication(draft: Draft, file: Path) -> None:
    file.write_text("changed afterwards: the draft has its own copy")
    drafts.reviewed(draft, HELD)
    with audit.acting_as("bob"):
        approved = drafts.approve(draft, effective=DAY)
        assert (approved.state, approved.effective, approved.approved_by) == (
            "approved",
            DAY,
            "bob",
        )
        assert PlanVersion.objects.count() == 0
        made = drafts.publish(draft).made
    assert made == {"meter": ["calls"], "rate_card": ["world"], "plan": ["a"]}
    version = PlanVersion.objects.get()
    assert (version.plan_code, version.effective) == ("a", DAY)
    assert services.rate_cards()[0].rows["key0"].to_list() == ["39"]
    trail = AuditEntry.objects.filter(subject=f"catalog_draft:{draft.pk}").order_by("id")
    assert list(trail.values_list("action", "actor"))[::3] == [
        ("catalog.drafted", "ann"), ("catalog.published", "bob"),
    ]  # fmt: skip
    names = list(Event.objects.order_by("id").values_list("name", flat=True))
    assert names == [
        "catalog.draft_drafted", "catalog.draft_approved", "catalog.published",
        "catalog.draft_published",
    ]  # fmt: skip


def test_the_author_cannot_approve_unless_the_rules_say_so(draft: Draft) -> None:
    drafts.reviewed(draft, HELD)
    with audit.acting_as("ann"):
        with refused(SameEyes, "by ann"):
            drafts.approve(draft, effective=DAY)
        services.set_rules(four_eyes=False)
        assert drafts.approve(draft, effective=DAY).state == "approved"


def test_scenarios_must_have_held_last_time(draft: Draft) -> None:
    with refused(NotTried, f"review {draft.pk}"):
        drafts.approve(draft, effective=DAY)
    drafts.reviewed(draft, HELD)
    drafts.reviewed(draft, FAILED)
    with refused(TrialFailed, "a month"):
        drafts.approve(draft, effective=DAY)
    drafts.reviewed(draft, HELD)
    drafts.approve(draft, effective=DAY)
    assert [one.passed for one in Trial.objects.order_by("id")] == [True, False, True]


def test_without_scenarios_there_is_nothing_to_hold(file: Path) -> None:
    draft = kept(file, scenarios=False)
    assert drafts.approve(draft, effective=DAY).state == "approved"


def test_a_catalogue_that_moved_is_looked_at_again(draft: Draft, file: Path) -> None:
    drafts.reviewed(draft, HELD)
    services.apply(files.parse(file))
    dearer = CATALOGUE.replace("9.90", "11.00")
    file.write_text(dearer)
    newer = kept(file, scenarios=False)
    services.apply(files.parse(file), effective=date(2026, 12, 1))
    with refused(CatalogMoved, "plan a") as _:
        drafts.approve(draft, effective=DAY)
    with pytest.raises(CatalogMoved) as caught:
        drafts.approve(draft, effective=DAY)
    assert "prices.base.amount: 11.00 -> 9.90" in str(caught.value.message)
    drafts.reviewed(draft, HELD)
    drafts.approve(draft, effective=DAY)
    file.write_text(CATALOGUE.replace("9.90", "12.00"))
    services.apply(files.parse(file), effective=date(2026, 12, 2))
    with pytest.raises(CatalogMoved):
        drafts.publish(draft)
    draft.refresh_from_db()
    assert (draft.state, draft.effective, draft.approved_by) == ("draft", None, None)
    assert newer.pk != draft.pk


def test_what_is_over_is_over(draft: Draft) -> None:
    drafts.withdraw(draft)
    for step in (lambda: drafts.approve(draft, effective=DAY), lambda: drafts.publish(draft),
                 lambda: drafts.withdraw(draft), lambda: drafts.reviewed(draft, HELD)):  # fmt: skip
        with refused(DraftState, "withdrawn"):
            step()
    with refused(UnknownDraft, "no draft 999"):
        drafts.get(999)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: Draft.objects.filter(pk=d.pk).update(author="bob"),
        lambda d: Draft.objects.filter(pk=d.pk).delete(),
        lambda d: DraftFile.objects.filter(draft=d).update(content=b""),
        lambda d: Trial.objects.filter(draft=d).update(passed=True),
        lambda d: (drafts.withdraw(d), Draft.objects.filter(pk=d.pk).update(state="approved")),
    ],
)  # fmt: skip
def test_the_database_keeps_drafts_as_they_were(draft: Draft, change: Any) -> None:
    drafts.reviewed(draft, FAILED)
    with pytest.raises(DatabaseError), transaction.atomic():
        change(draft)


def test_an_installation_can_demand_review(file: Path) -> None:
    services.apply(files.parse(file))
    assert invoke("rules").stdout == "review: optional\napproval: four-eyes\n"
    told = invoke("rules", "--review", "required", "--approval", "single-operator").stdout
    assert told == "review: required\napproval: single-operator\n"
    file.write_text(CATALOGUE.replace("9.90", "11.00"))
    with refused(ReviewRequired, "c.yaml"):
        invoke("apply", file)
    draft = kept(file, scenarios=False)
    drafts.approve(draft, effective=DAY)
    assert drafts.publish(draft).made == {"plan": ["a"]}
    assert AuditEntry.objects.filter(action="catalog.rules").count() == 1
    assert invoke("rules", "--review", "never").exit_code == 2


def test_a_draft_has_all_the_files_it_needs(draft: Draft) -> None:
    rows = draft.files.order_by("path").values_list("path", "scenario")
    assert list(rows) == [
        ("c.yaml", False), ("decks/rates.csv", False), ("tests/month.yaml", True),
        ("tests/used.csv", False),
    ]  # fmt: skip
    with drafts.opened(draft) as (catalogue, scenarios):
        assert catalogue.name == "c.yaml"
        assert [path.name for path in scenarios] == ["month.yaml"]


def test_faulty_files_are_no_drafts(file: Path) -> None:
    scenario = file.parent / "tests" / "month.yaml"
    with refused(ScenarioOfAnother, "a catalogue of its own, not c.yaml"):
        scenario.write_text(
            SCENARIO.replace("../c.yaml", "{currency: EUR, plans: {a: {prices: {}}}}")
        )
        kept(file)
    with refused(ScenariosMalformed, "month.yaml:5: steps.0.plan"):
        scenario.write_text(SCENARIO.replace("plan: a", "plan: b"))
        kept(file)
    with refused(CatalogInvalid, "c.yaml:7"):
        file.write_text(CATALOGUE.replace('"9.90"', '"9,90"'))
        kept(file)
    file.write_text(CATALOGUE)
    services.apply(files.parse(file))
    with refused(NothingToPublish, "c.yaml says what is in force"):
        kept(file, scenarios=False)
    with pytest.raises(FileNotFoundError):
        scenario.write_text(SCENARIO)
        (file.parent / "tests" / "used.csv").unlink()
        kept(file)


def test_commands(file: Path) -> None:
    assert invoke("drafts").stdout.startswith("No drafts")
    made = json.loads(invoke("draft", file, "--note", "first", "--json").stdout)
    assert (made["state"], made["note"]) == ("draft", "first")
    told = invoke("review", made["draft"])
    assert told.exit_code == 0
    assert "plan a: new" in told.stdout
    assert "no scenarios are kept with it" in told.stdout
    data = json.loads(invoke("review", made["draft"], "--json").stdout)
    assert [one["code"] for one in data["changes"]] == ["calls", "world", "a"]
    services.set_rules(four_eyes=False)
    published = invoke("approve", made["draft"], "--effective", "2027-01-01", "--publish").stdout
    assert published.endswith("plan: a\n3 published, 0 unchanged\n")
    file.write_text(CATALOGUE.replace("9.90", "11.00"))
    second = json.loads(invoke("draft", file, "--json").stdout)["draft"]
    assert invoke("withdraw", second).stdout == f"draft {second}: withdrawn\n"
    states = [row["state"] for row in json.loads(invoke("drafts", "--json").stdout)]
    assert states == ["withdrawn", "published"]
    assert "published" in invoke("drafts").stdout
