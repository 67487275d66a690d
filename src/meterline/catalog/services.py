"""Publishing catalogue files, and what others call of the catalogue."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from meterline.catalog import existing, resolve
from meterline.catalog.compare import Difference, differences
from meterline.catalog.errors import ReviewRequired
from meterline.catalog.existing import Holders
from meterline.catalog.export import CatalogText, catalog_texts
from meterline.catalog.files import CatalogFile
from meterline.catalog.indexation import indexed
from meterline.catalog.models import Entry, PlanVersion, ReviewRule
from meterline.catalog.reading import (
    ALWAYS,
    allowances,
    as_one,
    calendars,
    commitments,
    deck_path,
    discounts,
    early_fees,
    meters,
    minimums,
    newest_entry,
    plan_version_at,
    plans_in_force,
    prices,
    promotions,
    rate_cards,
    tariff,
    taxes,
)
from meterline.catalog.versions import derive_plan_version, write_prices
from meterline.platform import audit, clock, events, files

__all__ = [
    "Applied",
    "Change",
    "allowances",
    "apply",
    "as_one",
    "calendars",
    "commitments",
    "derive_plan_version",
    "diff",
    "discounts",
    "early_fees",
    "export",
    "holders",
    "indexed",
    "meters",
    "minimums",
    "newest_entry",
    "plan_version_at",
    "prices",
    "promotions",
    "publish",
    "rate_cards",
    "rules",
    "set_rules",
    "tariff",
    "taxes",
    "told",
]

_LOCK = 7206256
_SECTIONS = {"meters": "meter", "calendars": "calendar", "rate_cards": "rate_card"}
_LISTS = {"taxes": "tax", "discounts": "discount", "promotions": "promotion"}


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a file says of one plan or entry, against the version that it would follow."""

    kind: str
    code: str
    body: dict[str, Any]
    digest: str
    effective: date
    before: PlanVersion | Entry | None  # the version in force
    version: int  # number of the new version
    terms: dict[str, str] = field(default_factory=dict)  # of a plan: currency and time zone

    @property
    def unchanged(self) -> bool:
        """Whether the version in force says the same."""
        return self.before is not None and self.before.digest == self.digest

    def differences(self) -> list[Difference]:
        """Field by field, what is new."""
        after = {**self.terms, **self.body}
        if self.before is None:
            return differences({}, after)
        terms = {name: getattr(self.before, name) for name in self.terms}
        return differences({**terms, **self.before.body}, after)


def told(changes: Sequence[Change]) -> str:
    """What would be published, as text: a line a version, and below it what is new in it."""
    lines = []
    for change in changes:
        if change.unchanged:
            continue
        state = "new" if change.before is None else f"version {change.version}"
        since = "" if change.effective == date.min else f", from {change.effective}"
        lines.append(f"{change.kind} {change.code}: {state}{since}")
        lines += [f"    {one}" for one in change.differences()] if change.before else []
        held = holders(change)
        lines += [] if held is None else [f"    {_FATES[held.existing].format(held.count)}"]
    return "\n".join(lines)


_FATES = {
    "keep": "{} subscriptions keep the version that they have",
    "move": "{} subscriptions move to it then",
    "move_at_renewal": "{} subscriptions move to it at their renewal",
}


@dataclass(kw_only=True)
class Applied:
    """What applying a file made: codes of new versions by kind; unchanged ones are counted."""

    made: dict[str, list[str]] = field(default_factory=dict)
    unchanged: int = 0
    plan_versions: dict[str, int] = field(default_factory=dict)  # plan code -> id
    moved: dict[str, int] = field(default_factory=dict)  # plan code -> subscriptions


def apply(catalogue: CatalogFile, *, effective: date | None = None) -> Applied:
    """Publish what a checked file changes: new versions, in force from `effective` (a plan's own
    date goes first; default: at once for what is new, from today for what changes).

    Raises ReviewRequired where the installation publishes drafts only.
    """
    if rules().required:
        raise ReviewRequired(file=catalogue.name)
    return publish(catalogue, effective=effective)


def publish(catalogue: CatalogFile, *, effective: date | None = None) -> Applied:
    """As `apply`, of a file that has been reviewed."""
    applied = Applied()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        for change in diff(catalogue, effective=effective):
            if change.unchanged:
                applied.unchanged += 1
                made_id = change.before.pk if change.before else 0
            else:
                applied.made.setdefault(change.kind, []).append(change.code)
                made_id = _publish(catalogue, change)
            if change.kind == "plan":
                applied.plan_versions[change.code] = made_id
                if not change.unchanged:
                    _move_existing(made_id, applied)
        if applied.made:
            events.emit("catalog.published", catalogue.name, applied.made)
            audit.record("catalog.apply", catalogue.name, after=applied.made)
    return applied


def _move_existing(plan_version_id: int, applied: Applied) -> None:
    version = PlanVersion.objects.get(pk=plan_version_id)
    count = existing.move(version)
    if count:
        applied.moved[version.plan_code] = count


def holders(change: Change, most: int | None = None) -> Holders | None:
    """Who has the plan that a change gives a new version, counted up to `most`; None of what is no
    such change."""
    if change.kind != "plan" or change.unchanged or change.version == 1:
        return None
    keep = change.body.get("existing", "keep")
    return existing.holders(change.code, keep, change.effective, most)


def rules() -> ReviewRule:
    """What is demanded before a catalogue is published."""
    return ReviewRule.objects.filter(pk=1).first() or ReviewRule(pk=1)


def set_rules(*, required: bool | None = None, four_eyes: bool | None = None) -> ReviewRule:
    """Change what is demanded; None leaves it as it is."""
    with transaction.atomic():
        rule = rules()
        before = {"required": rule.required, "four_eyes": rule.four_eyes}
        given = {"required": required, "four_eyes": four_eyes}
        after = {name: before[name] if new is None else new for name, new in given.items()}
        if after != before:
            rule, _ = ReviewRule.objects.update_or_create(pk=1, defaults=after)
            audit.record("catalog.rules", "catalog", before=before, after=after)
    return rule


def diff(catalogue: CatalogFile, *, effective: date | None = None) -> list[Change]:
    """What applying a file would publish, or leave as it is; nothing is changed."""
    today = clock.now().astimezone(catalogue.timezone).date()
    changes = [
        _entry_change(kind, code, body, effective, today)
        for kind, code, body in _entry_bodies(catalogue)
    ]
    return changes + [_plan_change(catalogue, code, effective, today) for code in catalogue.plans]


def export(plans: list[str] | None = None, *, at: date | None = None) -> list[CatalogText]:
    """The catalogue in force (of some plans, or of all) as files that apply to the same; one for
    each currency and time zone, so none where there is no plan. Raises UnknownPlan."""
    on = at or clock.now().date()
    versions = _with_named(plans, on) if plans else plans_in_force(on)
    reached = [row for row in Entry.objects.all() if _turn(row)[0] <= on]
    newest = {(row.kind, row.code): row for row in sorted(reached, key=_turn)}
    entries = [newest[key] for key in sorted(newest)]
    return catalog_texts(versions, entries, whole=not plans)


def _with_named(codes: list[str], on: date) -> list[PlanVersion]:
    """Plans, and those that they name: bases of add-ons, add-ons of bundles."""
    found: dict[str, PlanVersion] = {}
    waiting = list(codes)
    while waiting:
        code = waiting.pop(0)
        if code not in found:
            body = (found.setdefault(code, plan_version_at(code, on))).body
            waiting += [*(body.get("addon_to") or ())]
            waiting += [one["plan"] for one in body.get("includes") or ()]
    return list(found.values())


def _turn(row: Entry) -> tuple[date, int]:
    """The order in which versions come to hold: those of rate cards by date, others at once."""
    dated = row.kind == "rate_card" and row.version > 1
    return (row.effective if dated else ALWAYS, row.version)


def _entry_bodies(catalogue: CatalogFile) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(kind, code, body) of everything in a file but plans."""
    data, model = catalogue.data, catalogue.model
    for section, kind in _SECTIONS.items():
        for code, written in (data.get(section) or {}).items():
            body = resolve.plain(written)
            if kind == "rate_card":
                body["timezone"] = _card_zone(catalogue, code)
                if model.rate_cards[code].file is not None:
                    digest = hashlib.sha256(_deck_content(catalogue, code)).hexdigest()
                    body |= {"deck": digest, "file": f"{code}.csv"}
            yield kind, code, body
    for section, kind in _LISTS.items():
        for written in data.get(section) or ():
            body = resolve.plain(written)
            yield kind, str(body.pop("code")), body


def _card_zone(catalogue: CatalogFile, code: str) -> str:
    calendar = catalogue.model.calendars.get(catalogue.model.rate_cards[code].calendar or "")
    return calendar.timezone if calendar else catalogue.model.timezone


def _deck_content(catalogue: CatalogFile, code: str) -> bytes:
    return (catalogue.folder / str(catalogue.model.rate_cards[code].file)).read_bytes()


def _keep_deck(catalogue: CatalogFile, code: str, digest: str) -> None:
    """Keep a deck under its content's digest."""
    kept = deck_path(digest)
    if not kept.exists():
        files.write_bytes(kept, _deck_content(catalogue, code))


def _entry_change(
    kind: str, code: str, body: dict[str, Any], effective: date | None, today: date
) -> Change:
    """Rate cards have a date; of everything else the newest version holds, at once."""
    versions = Entry.objects.filter(kind=kind, code=code)
    newest = versions.order_by("-version").first()
    since, in_force = ALWAYS if newest is None else today, newest
    if kind == "rate_card" and newest is not None:
        since = effective or today
        reached = versions.filter(Q(effective__lte=since) | Q(version=1))
        in_force = reached.order_by("-effective", "-version").first()
    return Change(
        kind=kind,
        code=code,
        body=body,
        digest=resolve.digest(body),
        effective=since,
        before=in_force,
        version=1 if newest is None else newest.version + 1,
    )


def _plan_change(catalogue: CatalogFile, code: str, effective: date | None, today: date) -> Change:
    plan = catalogue.plans[code]
    body = resolve.plan_body(catalogue.data["plans"][code], plan, catalogue.model.policy)
    versions = PlanVersion.objects.filter(plan_code=code, base=None)
    newest = versions.order_by("-version").first()
    since = plan.effective or effective or (ALWAYS if newest is None else today)
    in_force = versions.filter(effective__lte=since).order_by("-effective", "-version").first()
    model = catalogue.model
    return Change(
        kind="plan",
        code=code,
        body=body,
        digest=resolve.digest([body, model.currency, model.timezone]),
        terms={"currency": model.currency, "timezone": model.timezone},
        effective=since,
        before=in_force,
        version=1 if newest is None else newest.version + 1,
    )


def _publish(catalogue: CatalogFile, change: Change) -> int:
    common = {
        "version": change.version, "effective": change.effective, "body": change.body,
        "digest": change.digest,
    }  # fmt: skip
    if "deck" in change.body:
        _keep_deck(catalogue, change.code, change.body["deck"])
    if change.kind != "plan":
        return Entry.objects.create(kind=change.kind, code=change.code, **common).pk
    plan = catalogue.plans[change.code]
    version = PlanVersion.objects.create(
        plan_code=change.code, name=plan.name or resolve.spoken(change.code),
        existing=plan.existing,
        **change.terms, **common,
    )  # fmt: skip
    write_prices(version)
    return version.pk
