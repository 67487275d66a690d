"""Places of supply whose contracts have changed since usage followed their reads: noted in the
transaction of the change, followed by the worker within a minute, and before bills are run.

Not at once: loads lock contracts after usage, changes of contracts the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction

from meterline.platform.models import Event
from meterline.reads.follow import Followed, follow
from meterline.reads.models import Stale
from meterline.usage.load import lock_loading

_MOST = 100_000  # notes at a time


def note_contracts(subscription_ids: Sequence[int]) -> None:
    """Contracts have begun, ended or changed."""
    _note("SELECT value FROM subscriptions_identifier WHERE subscription_id = ANY(%s)",
          list(subscription_ids))  # fmt: skip


def note_places(identifiers: Sequence[str]) -> None:
    """Somebody has these identifiers now, or has them no more."""
    _note("SELECT unnest(%s::text[])", list(identifiers))


def note_account(event: Event) -> None:
    """An account is billed on other days."""
    _note(
        """
        SELECT i.value FROM subscriptions_identifier i
        JOIN subscriptions_subscription s ON s.id = i.subscription_id
        JOIN customers_account a ON a.id = s.account_id WHERE a.code = %s
        """,
        event.payload["code"],
    )


def _note(identifiers: str, asked: Sequence[int] | Sequence[str] | str) -> None:
    """Note places at which a meter is or was, once more where they are noted already: whoever
    follows the older note may not see what the newer one is about."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO reads_stale (identifier) SELECT DISTINCT identifier"
            f" FROM reads_installation WHERE identifier IN ({identifiers})",
            [asked],
        )


def catch_up() -> Followed:
    """Bring usage up to the contracts as they are now, at the places that were noted."""
    done = Followed()
    while Stale.objects.exists():
        with transaction.atomic():
            lock_loading()
            notes = list(Stale.objects.order_by("pk")[:_MOST])
            done += follow({one.identifier for one in notes})
            Stale.objects.filter(pk__in=[one.pk for one in notes]).delete()
    return done
