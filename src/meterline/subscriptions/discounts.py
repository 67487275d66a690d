"""Giving discounts and ending them, and redeeming promotion codes: load, decide, save, emit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Max, Q, QuerySet

from meterline.catalog import services as catalog
from meterline.catalog.models import PlanVersion
from meterline.customers.lookup import account_by_code
from meterline.customers.models import Account
from meterline.platform import audit, clock, events
from meterline.subscriptions import store
from meterline.subscriptions.discount_errors import (
    DiscountHeld,
    DiscountInPast,
    DiscountNotHeld,
    PromotionExpired,
    PromotionNotForPlan,
    PromotionNotYet,
    PromotionUsedByCustomer,
    PromotionUsedUp,
    UnknownPromotion,
)
from meterline.subscriptions.errors import UnknownDiscount
from meterline.subscriptions.models import Discount, PromotionUse, Redemption, Subscription
from meterline.subscriptions.store import Held


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who has a discount: a subscription, or an account for all of its subscriptions."""

    account: Account
    subscription: Subscription | None = None

    @property
    def name(self) -> str:
        """As people and logs know it."""
        if self.subscription is None:
            return f"account {self.account.code}"
        return f"subscription {self.subscription.code}"

    @property
    def subject(self) -> str:
        """As events and the audit know it."""
        return self.name.replace(" ", ":", 1)

    @property
    def key(self) -> dict[str, Any]:
        """Its field in the table, and its value."""
        if self.subscription is None:
            return {"account": self.account}
        return {"subscription": self.subscription}

    @property
    def rows(self) -> QuerySet[Discount]:
        """What it has and had, as it was given."""
        return Discount.objects.filter(**self.key).order_by("position")


def holder(*, subscription: int | str | None = None, account: str | None = None) -> Holder:
    """The holder named. Raises UnknownSubscription, UnknownAccount."""
    if subscription is not None:
        row = store.find(subscription)
        return Holder(account=row.account, subscription=row)
    return Holder(account=account_by_code(account or ""))


@transaction.atomic
def give(code: str, to: Holder, at: datetime | None = None) -> Discount:
    """Give a discount; it holds for charge periods that begin at `at` or later.

    Raises UnknownDiscount, DiscountInPast, DiscountHeld.
    """
    check_known([code])
    at = _checked(at, to)
    store.lock_log()
    return _give(code, to, at)


@transaction.atomic
def end(code: str, of: Holder, at: datetime | None = None) -> Discount:
    """End a discount: charge periods that begin at `at` or later are without it.

    Raises DiscountInPast, DiscountNotHeld.
    """
    at = _checked(at, of)
    store.lock_log()
    row = _held(code, of, at).first()
    if row is None:
        raise DiscountNotHeld(holder=of.name, code=code, at=_day(at, of.account))
    row.until_at = max(at, row.since_at)
    row.save(update_fields=["until_at"])
    _tell("ended", row, of)
    return row


@transaction.atomic
def redeem(code: str, subscription: int | str, at: datetime | None = None) -> Discount:
    """Redeem a promotion code: its discount is given to the subscription.

    Raises UnknownPromotion, PromotionNotYet, PromotionExpired, PromotionNotForPlan,
    PromotionUsedUp, PromotionUsedByCustomer, and what `give` raises.
    """
    store.lock_log()
    held = store.load(subscription)
    to = Holder(account=held.subscription.account, subscription=held.subscription)
    return _redeem(code, held, to, _checked(at, to))


def listing(of: Holder) -> list[dict[str, Any]]:
    """The discounts of a subscription, or of an account and of its subscriptions: discount,
    holder, since, until, promotion."""
    rows = of.rows
    if of.subscription is None:
        mine = Q(account=of.account) | Q(subscription__account=of.account)
        rows = Discount.objects.filter(mine).order_by("subscription_id", "position")
    return [
        {
            "discount": row.discount_code,
            "holder": f"subscription {row.subscription.code}"
            if row.subscription
            else f"account {of.account.code}",
            "since": row.since_at.isoformat(),
            "until": row.until_at.isoformat() if row.until_at else None,
            "promotion": row.redemption.promotion_code if hasattr(row, "redemption") else None,
        }
        for row in rows.select_related("subscription", "redemption")
    ]


def at_start(held: Held, codes: Sequence[str], promotion: str | None) -> None:
    """Give a new subscription its discounts, from its start on; then redeem a promotion code.

    The codes are checked before. The log must be locked.
    """
    at = held.subscription.started_at
    to = Holder(account=held.subscription.account, subscription=held.subscription)
    Discount.objects.bulk_create(
        Discount(subscription=held.subscription, position=n, discount_code=code, since_at=at)
        for n, code in enumerate(codes, start=1)
    )
    if promotion is not None:
        _redeem(promotion, held, to, at)


def check_known(codes: Sequence[str]) -> None:
    """Raises UnknownDiscount unless the catalogue has all of them."""
    known = catalog.discounts() if codes else {}
    for code in codes:
        if code not in known:
            raise UnknownDiscount(code=code, known=", ".join(sorted(known)) or "none")


def _give(code: str, to: Holder, at: datetime) -> Discount:
    if _held(code, to, at).exists():
        raise DiscountHeld(holder=to.name, code=code)
    newest = to.rows.aggregate(newest=Max("position"))["newest"] or 0
    row = Discount.objects.create(**to.key, position=newest + 1, discount_code=code, since_at=at)
    _tell("given", row, to)
    return row


def _redeem(code: str, held: Held, to: Holder, at: datetime) -> Discount:
    """The use is counted in the database, so that limits hold however many redeem at once."""
    promotion = catalog.promotions().get(code)
    if promotion is None:
        raise UnknownPromotion(code=code)
    today = clock.now().astimezone(ZoneInfo(to.account.timezone)).date()
    if promotion.from_ is not None and today < promotion.from_:
        raise PromotionNotYet(code=code, day=promotion.from_)
    if promotion.to is not None and today >= promotion.to:
        raise PromotionExpired(code=code, day=promotion.to - timedelta(days=1))
    _, phase = held.phase_for(at)
    plan = PlanVersion.objects.get(pk=phase.plan_version_id).plan_code
    if promotion.plans and plan not in promotion.plans:
        raise PromotionNotForPlan(code=code, plan=plan, plans=", ".join(promotion.plans))
    if not _count_use(code, promotion.limit):
        raise PromotionUsedUp(code=code, limit=promotion.limit)
    customer = to.account.customer
    uses = Redemption.objects.filter(promotion_code=code, customer=customer).count()
    if promotion.limit_per_customer is not None and uses >= promotion.limit_per_customer:
        raise PromotionUsedByCustomer(
            code=code, customer=customer.code, limit=promotion.limit_per_customer
        )
    row = _give(promotion.discount, to, at)
    Redemption.objects.create(promotion_code=code, customer=customer, discount=row, at=clock.now())
    told = {"promotion": code, "customer": customer.code, "discount": promotion.discount}
    events.emit("promotion.redeemed", to.subject, told)
    audit.record("promotion.redeemed", to.subject, after=told)
    return row


def _count_use(code: str, limit: int | None) -> bool:
    """Count a use unless the limit is reached; others wait until the transaction has ended."""
    PromotionUse.objects.bulk_create([PromotionUse(promotion_code=code)], ignore_conflicts=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE subscriptions_promotionuse SET used = used + 1"
            " WHERE promotion_code = %s AND (%s::int IS NULL OR used < %s::int)",
            [code, limit, limit],
        )
        return bool(cursor.rowcount)


def _held(code: str, of: Holder, at: datetime) -> QuerySet[Discount]:
    """Those of a code that hold at `at`, or later."""
    rows = of.rows.filter(discount_code=code)
    return rows.filter(Q(until_at__isnull=True) | Q(until_at__gt=at))


def _checked(at: datetime | None, of: Holder) -> datetime:
    """`at` or now. What was billed stays, so the day before today is too early."""
    now = clock.now()
    if at is not None and _day(at, of.account) < _day(now, of.account):
        raise DiscountInPast(day=_day(at, of.account))
    return at or now


def _day(at: datetime, account: Account) -> date:
    return at.astimezone(ZoneInfo(account.timezone)).date()


def _tell(what: str, row: Discount, to: Holder) -> None:
    told = {
        "discount": row.discount_code, "since": row.since_at.isoformat(),
        "until": row.until_at and row.until_at.isoformat(),
    }  # fmt: skip
    events.emit(f"discount.{what}", to.subject, told)
    audit.record(f"discount.{what}", to.subject, after=told)
