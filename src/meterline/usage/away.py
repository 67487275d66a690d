"""What of usage records is not here any more, in words, for whoever looks for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from meterline.subscriptions.models import Subscription
from meterline.usage.models import Batch, Erasure, Total
from meterline.web import format as written

_SHOWN = 5


def told(subscription_ids: Sequence[int], start: datetime, end: datetime) -> list[str]:
    """A sentence for each reason why records of subscriptions in [start, end) are not here."""
    accounts = list(
        Subscription.objects.filter(pk__in=subscription_ids).values_list("account_id", flat=True)
    )
    words = []
    erased = Erasure.objects.filter(account_id__in=accounts).order_by("-pk").first()
    if erased is not None and start < erased.at:
        words.append(_("Records of this account were erased on %(day)s; its totals and invoices"
                       " stand.") % {"day": written.day(erased.at.date())})  # fmt: skip
    found = Batch.objects.filter(last_start__gte=start, first_start__lt=end)
    away = found.exclude(records_at="here").order_by("pk")
    theirs = Total.objects.filter(account_id__in=accounts, subscription_id__in=subscription_ids)
    for where, sentence in (
        ("archived", _("Records of these days are archived, in batches %(batches)s.")),
        ("erased", _("Records of these days were erased with their batches %(batches)s; totals and"
                     " invoices stand.")),
    ):  # fmt: skip
        numbers = away.filter(records_at=where, pk__in=theirs.values("batch_id"))
        some = list(numbers.values_list("pk", flat=True)[: _SHOWN + 1])
        if some:
            words.append(sentence % {"batches": _few(some)})
    return words


def _few(numbers: list[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:_SHOWN])
    return f"{shown} ..." if len(numbers) > _SHOWN else shown
