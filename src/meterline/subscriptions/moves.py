"""Moving subscriptions to a new version of their plan, all at once.

Few distinct logs stand behind many subscriptions: the new timeline of each distinct one is worked
out once and joined. Add-ons and their bases, whose timelines hang together, go one by one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any

import polars as pl
from django.db import connection, transaction

from meterline.catalog.models import PlanVersion
from meterline.catalog.resolve import plain
from meterline.platform import audit, clock, events
from meterline.platform.database import write_frame
from meterline.platform.remembered import remembered
from meterline.subscriptions import addons, decide, distinct, models, plans, store, timeline
from meterline.subscriptions.frames import INSTANT, PHASE_COLUMNS
from meterline.subscriptions.log import Change, end_of, midnight, taken
from meterline.subscriptions.terms import Terms

_CHUNK = 100_000
_HOLDERS = """
    FROM subscriptions_phase p
    JOIN catalog_planversion v ON v.id = p.plan_version_id
    JOIN customers_account a ON a.id = p.account_id
    WHERE v.plan_code = %s AND v.id <> %s AND v.base_id IS DISTINCT FROM %s
        AND (%s::text IS NULL OR a.currency = %s::text)
        AND (p.end_at IS NULL OR p.end_at > (%s::timestamp AT TIME ZONE a.timezone))
        AND (%s::bigint[] IS NULL OR p.subscription_id = ANY(%s::bigint[]))
"""


class _Keeper:
    """What the catalogue asks and tells (catalog.existing.Keeper)."""

    def count(self, plan: str, effective: date, most: int | None = None) -> int:
        with connection.cursor() as cursor:
            found = f"SELECT p.subscription_id AS id {_HOLDERS} LIMIT %s"
            query = f"SELECT count(DISTINCT id) FROM ({found}) found"
            cursor.execute(query, [plan, 0, 0, None, None, _start(effective), None, None, most])
            return int(cursor.fetchone()[0])

    def move(self, version: PlanVersion) -> int:
        return move_existing(version)


KEEPER = _Keeper()


@transaction.atomic
def move_existing(version: PlanVersion, subscription_ids: Sequence[int] | None = None) -> int:
    """Move the subscriptions that have another version of a plan (all, or of those given) to
    `version`: from its day on, or at their first renewal after it. Returns how many.

    Their trials, terms, overrides and the days from which phases count stay as they are.
    """
    store.lock_log()
    ids = _holders(version, subscription_ids)
    together = _hanging_together(ids)
    alone = [one for one in ids if one not in together]
    moved = sum(
        _move_chunk(version, alone[first : first + _CHUNK])
        for first in range(0, len(alone), _CHUNK)
    )
    moved += sum(_move_one(version, one) for one in sorted(together))
    if moved:
        audit.record(
            "subscriptions.moved", f"plan:{version.plan_code}",
            after={"version": version.version, "count": moved},
        )  # fmt: skip
    return moved


def catch_up(plan: str, since: date, subscription_ids: Sequence[int]) -> None:
    """Move subscriptions that took a plan on a day to the versions that are published already,
    and begin later."""
    later = PlanVersion.objects.filter(plan_code=plan, base=None, effective__gt=since)
    for version in later.exclude(existing="keep").order_by("effective", "version"):
        move_existing(version, subscription_ids)


def _start(day: date) -> datetime:
    return datetime.combine(day, time(0))


def _holders(version: PlanVersion, subscription_ids: Sequence[int] | None) -> list[int]:
    """Who has another version on the new one's day or later, in accounts of its currency."""
    given = None if subscription_ids is None else list(subscription_ids)
    currency, start = version.currency, _start(version.effective)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT p.subscription_id {_HOLDERS} ORDER BY 1",
            [version.plan_code, version.pk, version.pk, currency, currency, start, given, given],
        )
        return [row[0] for row in cursor.fetchall()]


def _hanging_together(ids: Sequence[int]) -> set[int]:
    """Those that are add-ons, or have some."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.id FROM subscriptions_subscription s WHERE s.id = ANY(%s) AND ("
            " s.base_id IS NOT NULL"
            " OR s.id IN (SELECT base_id FROM subscriptions_subscription))",
            [list(ids)],
        )
        return {row[0] for row in cursor.fetchall()}


@dataclass(frozen=True, kw_only=True)
class _Mover:
    """Decides what a move to a version does to one contract; remembers offers and plans."""

    version: PlanVersion
    offers: dict[str, Terms] = field(default_factory=dict)

    @property
    def at_renewal(self) -> bool:
        """Whether the move waits; then a contract's timeline is looked at."""
        return self.version.existing == "move_at_renewal"

    def moves(self, contract: decide.Contract, overrides: Mapping[int, Any]) -> list[Change]:
        """The entries of the log that move a contract; `overrides` by number of the change."""
        at = midnight(self.version.effective, contract.zone)
        found: list[Change] = []
        end = end_of(contract.in_force, contract.zone).at
        for one in taken(contract.in_force):
            if not self._concerns(one.terms[-1][1]):
                continue
            effective = max(at, one.change.effective_at)
            if self.at_renewal:
                effective = self._renewal(effective, one.change, one.terms[-1][1], contract)
            if any(until is not None and effective >= until for until in (one.stop, end)):
                continue
            old = one.terms[-1][1]
            new = self._terms(overrides.get(one.change.number) or {})
            found.append(
                Change(
                    number=len(contract.log) + len(found) + 1, kind="move", of=one.change.number,
                    effective_at=effective, requested_at=clock.now(),
                    terms=replace(new, trial=old.trial, term=old.term),
                )
            )  # fmt: skip
        return found

    def _concerns(self, terms: Terms) -> bool:
        code, base = _plan_of(terms.stages[-1].plan_version_id)
        return code == self.version.plan_code and base != self.version.pk

    def _renewal(
        self, at: datetime, change: Change, terms: Terms, contract: decide.Contract
    ) -> datetime:
        """The end of the term, else of the period, at or after an instant."""
        if terms.term is not None:
            origin = change.effective_at.astimezone(contract.zone).date()
            end = terms.term.end(origin, at.astimezone(contract.zone).date())
            if end is not None:
                return midnight(end, contract.zone)
        at = max(at, contract.timeline[0].start_at) if contract.timeline else at
        phase = contract.phase(at)
        return at if phase is None else decide.renewal(at, contract, _view(phase.plan_version_id))

    def _terms(self, overrides: Mapping[str, Any]) -> Terms:
        key = json.dumps(plain(overrides), sort_keys=True)
        if key not in self.offers:
            prices = self.version.body["prices"]
            kept = {code: one for code, one in overrides.items() if code in prices}
            self.offers[key] = plans.offer_of(self.version, kept).terms
        return self.offers[key]


@remembered(4096)
def _plan_of(plan_version_id: int) -> tuple[str, int]:
    """Plan code and first version of a plan version: these never change."""
    version = PlanVersion.objects.get(pk=plan_version_id)
    return version.plan_code, version.base_id or version.pk


@remembered(256)
def _view(plan_version_id: int) -> decide.PlanView:
    return plans.view(plan_version_id)


def _move_one(version: PlanVersion, subscription_id: int) -> int:
    held = store.load(subscription_id)
    rows = models.Change.objects.filter(subscription=held.subscription)
    overrides = {row.pk: row.payload.get("overrides") for row in rows}
    made = _Mover(version=version).moves(held, overrides)
    for change in made:
        held = store.append(held, change, {"plan": version.plan_code})
        addons.follow(held, change.effective_at)
        _rate_anew([subscription_id], change.effective_at)
    if made:
        _tell(version, pl.DataFrame({"code": [held.code]}))
    return bool(made)


def _move_chunk(version: PlanVersion, ids: Sequence[int]) -> int:
    logs = distinct.logs(ids)
    keyed = distinct.keyed(logs, ids)
    groups = keyed.unique("key", keep="first", maintain_order=True)
    mover = _Mover(version=version)
    outcomes = {
        row["key"]: _outcome(mover, row)
        for row in distinct.with_logs(groups, logs).iter_rows(named=True)
    }
    moving = keyed.filter(pl.col("key").is_in([k for k, one in outcomes.items() if one.moves]))
    if moving.is_empty():
        return 0
    _write_changes(version, moving, logs, outcomes)
    _write_phases(moving, outcomes)
    _write_states(moving, outcomes)
    _tell(version, moving)
    earliest = min(c.effective_at for one in outcomes.values() for c in one.moves)
    _rate_anew(moving["subscription_id"].to_list(), earliest)
    return moving.height


@dataclass(frozen=True)
class _Outcome:
    """What becomes of all subscriptions of one log."""

    moves: list[Change]
    phases: list[timeline.Phase]
    state: str
    renews_at: datetime | None
    ends_at: datetime | None


def _outcome(mover: _Mover, row: Mapping[str, Any]) -> _Outcome:
    contract = distinct.contract(row)
    if mover.at_renewal:
        contract = replace(contract, timeline=timeline.phases(contract.log, contract.zone))
    made = mover.moves(contract, distinct.overrides(row))
    log, zone = (*contract.log, *made), contract.zone
    phases = timeline.phases(log, zone)
    return _Outcome(
        made, phases, timeline.state_at(phases, clock.now(), zone),
        store.next_renewal(log, phases, zone), timeline.ends_at(phases, log[0].effective_at),
    )  # fmt: skip


def _write_changes(
    version: PlanVersion,
    moving: pl.DataFrame,
    logs: pl.DataFrame,
    outcomes: Mapping[int, _Outcome],
) -> None:
    facts = {"plan": version.plan_code}
    entries = pl.DataFrame(
        [
            (key, change.of, change.effective_at,
             json.dumps(store.payload(replace(change, of=None), facts))[:-1])
            for key, one in outcomes.items()
            for change in one.moves
        ],
        schema={"key": moving.schema["key"], "position": pl.Int64, "effective_at": INSTANT,
                "head": pl.String},
        orient="row",
    )  # fmt: skip
    rows = moving.select("key", "subscription_id").join(entries, on="key", maintain_order="left")
    ids = logs.select("subscription_id", "position", "id")
    rows = rows.join(ids, on=["subscription_id", "position"])
    write_frame(
        "subscriptions_change",
        rows.sort("subscription_id", "effective_at").select(
            "subscription_id",
            "effective_at",
            pl.lit(clock.now().astimezone(UTC)).cast(INSTANT).alias("recorded_at"),
            pl.lit("move").alias("kind"),
            pl.concat_str("head", pl.lit(', "of": '), "id", pl.lit("}")).alias("payload"),
        ),
    )


def _write_phases(moving: pl.DataFrame, outcomes: Mapping[int, _Outcome]) -> None:
    made = pl.DataFrame(
        [
            {"key": key, **{name: getattr(phase, name) for name in PHASE_COLUMNS}}
            for key, one in outcomes.items()
            for phase in one.phases
        ],
        schema={"key": moving.schema["key"], **PHASE_COLUMNS},
        orient="row",
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM subscriptions_phase WHERE subscription_id = ANY(%s)",
            [moving["subscription_id"].to_list()],
        )
    rows = moving.select("key", "subscription_id", "account_id").join(made, on="key")
    write_frame("subscriptions_phase", rows.drop("key").sort("subscription_id", "start_at"))


def _write_states(moving: pl.DataFrame, outcomes: Mapping[int, _Outcome]) -> None:
    """State, end and next renewal; a renewal that is to be told of yet stays."""
    made = [outcomes[key] for key in moving["key"]]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE subscriptions_subscription s SET state = n.state, ends_at = n.ends_at,
                renews_at = CASE WHEN s.renews_at <= %s THEN s.renews_at ELSE n.renews_at END
            FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[])
                AS n (id, state, renews_at, ends_at)
            WHERE s.id = n.id AND (s.state, s.renews_at, s.ends_at)
                IS DISTINCT FROM (n.state, n.renews_at, n.ends_at)
            """,
            [
                clock.now(), moving["subscription_id"].to_list(), [one.state for one in made],
                [one.renews_at for one in made], [one.ends_at for one in made],
            ],
        )  # fmt: skip


def _rate_anew(ids: Sequence[int], since: datetime) -> None:
    """Usage that came already, from the move on."""
    from meterline.usage.services import follow_moved  # usage stands on subscriptions

    follow_moved(ids, since)


def _tell(version: PlanVersion, moved: pl.DataFrame) -> None:
    payload = json.dumps({"plan": version.plan_code, "version": version.version})
    events.emit_many(
        "subscription.moved",
        moved.select(
            pl.concat_str(pl.lit("subscription:"), "code").alias("subject"),
            pl.lit(payload).alias("payload"),
        ),
    )
