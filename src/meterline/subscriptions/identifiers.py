"""Who holds which telephone number, meter or key, and when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import connection
from django.db.models import F, Q
from django.db.models.functions import Greatest

from meterline.customers import validate
from meterline.subscriptions.errors import IdentifierTaken, UnknownIdentifier
from meterline.subscriptions.models import Identifier, Subscription

_HOLDERS = """
    SELECT s.code, i.start_at, i.end_at
    FROM subscriptions_identifier i JOIN subscriptions_subscription s ON s.id = i.subscription_id
    WHERE i.value = %s AND i.id <> %s AND tstzrange(i.start_at, i.end_at) && tstzrange(%s, %s)
    ORDER BY i.start_at LIMIT 1
"""


def add(
    subscription: Subscription, kind: str, value: str, start: datetime, end: datetime | None
) -> Identifier:
    """Give a subscription an identifier for a time. Raises IdentifierTaken, InvalidField."""
    for name, text in (("kind", kind), ("value", value)):
        validate.word(text)
        validate.length(name, text, Identifier._meta.get_field(name).max_length)
    _check_free(value, start, end)
    return Identifier.objects.create(
        subscription=subscription, kind=kind, value=value, start_at=start, end_at=end
    )


def end(value: str, at: datetime) -> Identifier:
    """End an identifier at an instant. Raises UnknownIdentifier."""
    current = Q(end_at__isnull=True) | Q(end_at__gt=at)
    row = Identifier.objects.filter(current, value=value, start_at__lte=at).first()
    if row is None:
        raise UnknownIdentifier(value=value, at=f"{at:%Y-%m-%d %H:%M}")
    row.end_at = at
    row.save(update_fields=["end_at"])
    return row


def move_end(subscription: Subscription, before: datetime | None, now: datetime | None) -> None:
    """Let identifiers end with their subscription, whose end moved from `before` to `now`.

    Those that ended earlier for a reason of their own stay as they are. Raises IdentifierTaken.
    """
    held = Identifier.objects.filter(subscription=subscription)
    with_it = Q(end_at__isnull=True) if before is None else Q(end_at=before)
    if now is None:
        for row in held.filter(with_it):
            _check_free(row.value, row.start_at, None, of=row.id)
        held.filter(with_it).update(end_at=None)
        return
    if before is not None and now > before:
        for row in held.filter(with_it):
            _check_free(row.value, row.start_at, now, of=row.id)
    held.filter(with_it | Q(end_at__gt=now)).update(end_at=Greatest(F("start_at"), now))


def of(subscriptions: Iterable[int]) -> list[Identifier]:
    """All identifiers that subscriptions have or had, oldest first."""
    return list(
        Identifier.objects.filter(subscription_id__in=list(subscriptions)).order_by(
            "start_at", "id"
        )
    )


def _check_free(value: str, start: datetime, end: datetime | None, of: int = 0) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS, [value, of, start, end])
        row = cursor.fetchone()
    if row is not None:
        holder, since, until = row
        raise IdentifierTaken(
            value=value, holder=holder, start=f"{since:%Y-%m-%d %H:%M}",
            end=f"{until:%Y-%m-%d %H:%M}" if until else "further notice",
        )  # fmt: skip
