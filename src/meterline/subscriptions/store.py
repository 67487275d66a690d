"""Loading a contract from the database, and appending to its log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Min

from meterline.catalog.models import PlanVersion
from meterline.customers.models import Account, BillingDay
from meterline.kernel import cycle
from meterline.platform import clock
from meterline.subscriptions import log as logs
from meterline.subscriptions import models, timeline
from meterline.subscriptions.decide import Contract
from meterline.subscriptions.errors import SubscriptionEnded, UnknownSubscription
from meterline.subscriptions.log import Change
from meterline.subscriptions.terms import Terms
from meterline.subscriptions.timeline import Phase

_LOG_LOCK = 0x6D6C_636F_6E74  # any number that nothing else locks


@dataclass(frozen=True, kw_only=True)
class Held(Contract):
    """A contract as loaded, with the rows behind it."""

    subscription: models.Subscription

    @property
    def code(self) -> str:
        """The subscription's code."""
        return self.subscription.code

    @property
    def end_at(self) -> datetime | None:
        """When it ends, as it stands."""
        if self.timeline:
            return self.timeline[-1].end_at
        own = logs.end_of(self.in_force, self.zone).at
        return self.subscription.started_at if own is None else own

    def phase_for(self, at: datetime) -> tuple[datetime, Phase]:
        """The phase that a request concerns; before the start that is the first one.

        Raises SubscriptionEnded.
        """
        if self.timeline:
            at = max(at, self.timeline[0].start_at)
        phase = self.phase(at)
        if phase is None:
            raise self._ended(at)
        return at, phase

    def check_reached(self, effective: datetime) -> None:
        """Raises SubscriptionEnded if the subscription will be over when a change comes."""
        if self.end_at is not None and effective >= self.end_at:
            raise self._ended(effective)

    def _ended(self, at: datetime) -> SubscriptionEnded:
        return SubscriptionEnded(
            code=self.code, at=_text(at, self.zone),
            start=_text(self.subscription.started_at, self.zone),
            end=_text(self.end_at, self.zone),
        )  # fmt: skip

    def final_version(self, at: datetime) -> int:
        """The plan version that the plan in force at an instant ends up with."""
        terms = logs.terms_at(self.in_force, at)
        return terms.version(len(terms.stages) - 1, at.astimezone(self.zone).date())


def lock_log() -> None:
    """Till the end of the transaction nobody else appends to the log of changes, so that ids
    become visible in their order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOG_LOCK])


def changed_since(change_id: int, subscription_ids: Sequence[int]) -> list[tuple[int, datetime]]:
    """Which of these subscriptions have changes newer than `change_id`, and the earliest instant
    from which one of them takes effect."""
    rows = models.Change.objects.filter(id__gt=change_id, subscription__in=list(subscription_ids))
    earliest = rows.values("subscription_id").annotate(since=Min("effective_at"))
    return list(earliest.order_by("subscription_id").values_list("subscription_id", "since"))


def find(subscription: int | str) -> models.Subscription:
    """A subscription by its id or code. Raises UnknownSubscription."""
    rows = models.Subscription.objects.select_related("account")
    field = "id" if isinstance(subscription, int) else "code"
    try:
        return rows.get(**{field: subscription})
    except models.Subscription.DoesNotExist as error:
        raise UnknownSubscription(code=subscription) from error


def load(subscription: int | str) -> Held:
    """A contract with its log and timeline. Raises UnknownSubscription."""
    return held(find(subscription))


def held(row: models.Subscription) -> Held:
    """The contract of a subscription's row."""
    zone = ZoneInfo(row.account.timezone)
    changes = models.Change.objects.filter(subscription=row).order_by("id")
    columns = changes.values_list("id", "kind", "effective_at", "payload")
    log = tuple(change_of(*one) for one in columns)
    return Held(
        subscription=row, log=log, timeline=timeline_of(row, log, zone), zone=zone,
        billing_days=billing_days(row.account_id),
    )  # fmt: skip


def timeline_of(row: models.Subscription, log: Sequence[Change], zone: ZoneInfo) -> list[Phase]:
    """The phases that follow from a subscription's log and, of an add-on, from its base."""
    own = timeline.phases(log, zone)
    if row.base is None:
        return own
    base = held(row.base).timeline
    versions = {phase.plan_version_id for phase in base}
    plans = dict(PlanVersion.objects.filter(id__in=versions).values_list("id", "plan_code"))
    kept = logs.in_force(log)
    return timeline.followed(own, base, lambda at: logs.terms_at(kept, at), plans)


def addons(held: Held) -> list[models.Subscription]:
    """The add-ons that a subscription has or had."""
    base = held.subscription
    with connection.cursor() as cursor:  # most have none
        cursor.execute("SELECT id FROM subscriptions_subscription WHERE base_id = %s", [base.pk])
        ids = [row[0] for row in cursor.fetchall()]
    if not ids:
        return []
    rows = models.Subscription.objects.filter(pk__in=ids).order_by("id")
    return list(rows.select_related("account", "base__account"))


def billing_days(account_id: int) -> tuple[cycle.BillingDay, ...]:
    """The billing days of an account, in order."""
    rows = BillingDay.objects.filter(account_id=account_id).order_by("since", "id")
    return cycle.sorted_days([cycle.BillingDay(*row) for row in rows.values_list("since", "day")])


def create(
    code: str,
    account: Account,
    change: Change,
    facts: Mapping[str, Any],
    base: models.Subscription | None = None,
) -> Held:
    """A new subscription with the first entry of its log."""
    row = models.Subscription.objects.create(
        code=code, account=account, started_at=change.effective_at, state="pending", base=base
    )
    blank = Held(
        subscription=row, log=(), timeline=(), zone=ZoneInfo(account.timezone),
        billing_days=billing_days(account.id),
    )  # fmt: skip
    return append(blank, change, facts)


def append(held: Held, change: Change, facts: Mapping[str, Any]) -> Held:
    """Write a change to the log, and the phases anew. `facts` are kept beside it for people."""
    models.Change.objects.create(
        subscription=held.subscription, effective_at=change.effective_at,
        recorded_at=clock.now(), kind=change.kind, payload=payload(change, facts),
    )  # fmt: skip
    log = (*held.log, change)
    made = timeline_of(held.subscription, log, held.zone)
    after = replace(held, log=log, timeline=made)
    write_phases(after)
    return after


def write_phases(held: Held) -> None:
    """Replace a subscription's phases, and bring its state, end and next renewal up to
    date."""
    row, made = held.subscription, held.timeline
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM subscriptions_phase WHERE subscription_id = %s", [row.pk])
    models.Phase.objects.bulk_create(
        models.Phase(subscription=row, account_id=row.account_id, **vars(phase)) for phase in made
    )
    now = clock.now()
    row.state = timeline.state_at(made, now, held.zone)
    if row.renews_at is None or row.renews_at > now:  # else it is to be told of yet
        row.renews_at = next_renewal(held.log, made, held.zone)
    row.ends_at = timeline.ends_at(made, row.started_at)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE subscriptions_subscription SET state = %s, renews_at = %s, ends_at = %s"
            " WHERE id = %s",
            [row.state, row.renews_at, row.ends_at, row.pk],
        )


def next_renewal(log: Sequence[Change], made: Sequence[Phase], zone: ZoneInfo) -> datetime | None:
    """When a contract is renewed next, if it is."""
    if not made:
        return None
    return logs.renewal_after(logs.in_force(log), clock.now(), made[-1].end_at, zone)


def next_number(held: Held) -> int:
    """A number after all those of the log."""
    return max((change.number for change in held.log), default=0) + 1


def payload(change: Change, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON of a change in the log."""
    return {
        **facts,
        "requested_at": change.requested_at.astimezone(UTC).isoformat(),
        "deferred": change.deferred,
        "terms": change.terms and change.terms.dump(),
        "quantity": None if change.quantity is None else f"{change.quantity:f}",
        "anchor": change.anchor and change.anchor.isoformat(),
        **({} if change.of is None else {"of": change.of}),
    }


def change_of(number: int, kind: Any, effective_at: datetime, body: Mapping[str, Any]) -> Change:
    """An entry of the log from its columns."""
    return Change(
        number=number,
        kind=kind,
        effective_at=effective_at,
        requested_at=datetime.fromisoformat(body["requested_at"]),
        deferred=body["deferred"],
        terms=Terms.load(body["terms"]) if body["terms"] else None,
        quantity=None if body["quantity"] is None else Decimal(body["quantity"]),
        anchor=date.fromisoformat(body["anchor"]) if body["anchor"] else None,
        of=body.get("of"),
    )


def _text(at: datetime | None, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at else "further notice"
