"""All that is kept about a customer, for the customer: JSON and CSV files in a ZIP (GDPR, article
20)."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet

from meterline.care.models import Note, Question
from meterline.customers.models import Account, Consent, Customer
from meterline.invoices import reports
from meterline.invoices.formats import document_format
from meterline.invoices.models import Invoice
from meterline.payments.models import Payment
from meterline.subscriptions.models import Change, Identifier, Subscription
from meterline.usage.store import live

_EARLIEST = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def exported(customer: Customer, now: datetime) -> bytes:
    """The ZIP: customer.json, contracts.json, invoices/NUMBER.json, payments.json, contact.json
    and usage.csv."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _files(customer, now):
            archive.writestr(name, content)
    return kept.getvalue()


def _files(customer: Customer, now: datetime) -> Iterator[tuple[str, str | bytes]]:
    accounts = Account.objects.filter(customer=customer)
    contracts = Subscription.objects.filter(account__in=accounts)
    yield "customer.json", _json(
        customer=_values(Customer.objects.filter(pk=customer.pk))[0],
        party=_values(type(customer.party).objects.filter(pk=customer.party_id))[0],
        accounts=_values(accounts), consents=_values(Consent.objects.filter(customer=customer)),
    )  # fmt: skip
    yield (
        "contracts.json",
        _json(
            subscriptions=_values(contracts),
            changes=_values(Change.objects.filter(subscription__in=contracts)),
            identifiers=_values(Identifier.objects.filter(subscription__in=contracts)),
        ),
    )
    yield "payments.json", _json(payments=_values(Payment.objects.filter(account__in=accounts)))
    yield (
        "contact.json",
        _json(
            notes=_values(Note.objects.filter(customer=customer)),
            questions=_values(Question.objects.filter(customer=customer)),
        ),
    )
    as_json = document_format("json")
    ids = Invoice.objects.filter(account__in=accounts).order_by("pk").values_list("pk", flat=True)
    for document in reports.documents(list(ids)):
        yield f"invoices/{document.number.replace('/', '-')}.json", as_json.render(document)
    yield "usage.csv", _usage(list(contracts.values_list("pk", flat=True)), now)


def _usage(subscriptions: list[int], now: datetime) -> str:
    """Each record that counts, once: when, which meter and number, how much."""
    standing = live(_EARLIEST, now + timedelta(days=2))
    rated = standing.rated(subscriptions).select("batch_id", "line").unique()
    if rated.is_empty():
        return "id,meter,identifier,start\n"
    kept = standing.records(rated)
    return _plain(kept.drop("batch_id", "line", "origin", "file_line", strict=False)).write_csv()


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Without columns that say nothing, in the order of time."""
    empty = [name for name in frame.columns if frame[name].null_count() == frame.height]
    return frame.drop(empty).sort("start")


def _values(rows: QuerySet[Any]) -> list[dict[str, Any]]:
    return list(rows.order_by("pk").values())


def _json(**parts: Any) -> str:
    return json.dumps(parts, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
