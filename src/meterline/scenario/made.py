"""Documents that billing made, as the runner compares them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

from meterline.billing.services import DocumentPreview
from meterline.invoices.document import covered
from meterline.invoices.models import Invoice
from meterline.scenario.picture import FIGURES, MadeInvoice, MadeLine
from meterline.subscriptions.models import Subscription


def issued(ids: Iterable[int]) -> list[MadeInvoice]:
    """Issued invoices and credit notes, in the order of their ids."""
    rows = Invoice.objects.filter(id__in=list(ids)).select_related("account").order_by("id")
    documents = list(rows.prefetch_related("lines"))
    names = _names([line for row in documents for line in row.lines.all()])
    return [_made(row, list(row.lines.all()), row.account.code, names) for row in documents]


def previewed(documents: Iterable[DocumentPreview]) -> list[MadeInvoice]:
    """Documents of a preview, which have no id yet."""
    listed = [(one, [SimpleNamespace(**line) for line in one.lines]) for one in documents]
    names = _names([line for _, lines in listed for line in lines])
    return [_made(one, lines, one.account_code, names) for one, lines in listed]


def _allowances(inputs: str | dict[str, Any] | None) -> frozenset[str]:
    """The allowances that a line tells of; a preview's inputs are still text."""
    told = json.loads(inputs) if isinstance(inputs, str) else inputs
    return frozenset(one.allowance for one in covered(told))


def _names(lines: Sequence[Any]) -> dict[int, str]:
    ids = {line.subscription_id for line in lines if line.subscription_id is not None}
    return dict(Subscription.objects.filter(id__in=ids).values_list("id", "code"))


def _made(row: Any, lines: Sequence[Any], account: str, names: dict[int, str]) -> MadeInvoice:
    return MadeInvoice(
        id=getattr(row, "id", None),
        account=account,
        currency=row.currency,
        lines=tuple(
            MadeLine(
                price=line.price_code,
                kind=line.kind,
                subscription=names.get(line.subscription_id or 0),
                start=line.start_at,
                end=line.end_at,
                quantity=line.quantity,
                amount=line.amount,
                band=line.band,
                allowances=_allowances(line.inputs),
            )
            for line in lines
        ),
        **{figure: getattr(row, figure) for figure in FIGURES},
    )
