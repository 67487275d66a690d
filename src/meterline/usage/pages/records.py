"""Records: looking them up by subscription or identifier and time; one, and why it is rated so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from meterline.catalog import services as catalog
from meterline.kernel.explain import number
from meterline.platform import clock
from meterline.pricing.price import Price
from meterline.rating.properties import PREFIX, plain
from meterline.usage import away, search
from meterline.usage.models import Batch
from meterline.web import format as written
from meterline.web.page import page
from meterline.web.rows import Column, Number, Rows
from meterline.web.sound import FIRST_YEAR, LAST_YEAR, whole

MOST = 200
DAYS = 31
PAGES_MOST = 1_000_000
LONGEST = timedelta(days=400)


@page("usage/records", title=later("Records"), permission="usage.view", menu="usage", order=30)
def records(request: HttpRequest) -> HttpResponse:
    """Rated records of a subscription or an identifier, the newest first."""
    of = request.GET.get("of", "").strip()
    start, end = _window(request.GET.get("from", ""), request.GET.get("to", ""))
    context: dict[str, Any] = {
        "of": of, "first": start.date(), "last": (end - timedelta(microseconds=1)).date(),
    }  # fmt: skip
    if of:
        held = search.subscriptions_of(of)
        price_id = whole(request.GET.get("price", ""))
        page_number = max(min(whole(request.GET.get("page", "")) or 1, PAGES_MOST), 1)
        found, count = search.records(
            list(held), start, end, price_id=price_id, most=MOST, newer=(page_number - 1) * MOST
        )
        known = catalog.tariff().prices
        rows = [_row(row, held, known) for row in found.iter_rows(named=True)]
        context |= {"known": bool(held), "count": count, "rows": _table(rows)}
        context |= {"away": away.told(list(held), start, end)}
        context |= {"number": page_number, "pages": -(-count // MOST)}
    return render(request, "usage/records.html", context)


@page(
    "usage/records/<int:batch>/<int:line>", title=later("Record"), permission="usage.view"
)  # fmt: skip
def record(request: HttpRequest, batch: int, line: int) -> HttpResponse:
    """A record as it was stored, and how each price rated it."""
    one = get_object_or_404(Batch, pk=batch)
    stored, rated = search.record(one, line)
    if stored is None:
        raise Http404
    known = catalog.tariff().prices
    trees = [_explained(row, known[row["price_id"]]) for row in rated.iter_rows(named=True)]
    fields = [
        (plain(name) if name.startswith(PREFIX) else name, _shown(value))
        for name, value in stored.items()
        if value is not None and name not in ("line", "local", "origin")
    ]
    context = {"batch": one, "line": line, "record": stored, "fields": fields, "trees": trees}
    return render(request, "usage/record.html", context)


def _window(first: str, last: str) -> tuple[datetime, datetime]:
    """[start, end) of two days (the last one included), or of two instants; by default the last
    days."""
    end = _moment(last) or clock.now()
    if len(last) == 10:
        end += timedelta(days=1)
    start = _moment(first) or end - timedelta(days=DAYS)
    return max(start, end - LONGEST), max(end, start)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        return None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        return None
    if len(text) == 10:
        return datetime.combine(found.date(), time(0), tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _row(row: dict[str, Any], held: dict[int, str], known: Mapping[int, Price]) -> dict[str, Any]:
    price = known[row["price_id"]]
    exact = Fraction(row["amount"]) / row["denominator"]
    quantity = (row["quantity"] or Decimal(0)) + (row["covered"] or Decimal(0))
    return {
        **row, "at": written.moment(row["start"]), "of": held[row["subscription_id"]],
        "price": price.name, "total": quantity,
        "rated": _money(exact, price.currency),
    }  # fmt: skip


def exactly(value: Fraction) -> str:
    """An exact amount to six decimals."""
    return f"{round(Decimal(value.numerator) / Decimal(value.denominator), 6).normalize():f}"


def _money(value: Fraction, currency: str) -> str:
    """An exact amount to six decimals with its currency."""
    return f"{exactly(value)}\N{NO-BREAK SPACE}{currency}"


def _table(rows: list[dict[str, Any]]) -> Rows:
    columns = [
        Column("at", _("When"), link=lambda row: reverse("usage.record",
                                                         args=[row["batch_id"], row["line"]])),
        Column("of", _("Subscription")), Column("identifier", _("Identifier")),
        Column("price", _("Price")), Column("band", _("Band")), Number("total", _("Quantity")),
        Number("covered", _("Covered")), Column("rated", _("Rated at")),
    ]  # fmt: skip
    return Rows(columns, rows, caption=_("Records"))


def _explained(row: dict[str, Any], price: Price) -> dict[str, Any]:
    """How a price rated a record."""
    quantity, free = row["quantity"] or Decimal(0), row["covered"] or Decimal(0)
    exact = Fraction(row["amount"]) / row["denominator"]
    bands = [(row["band"] or "").replace("_", " "), row["season"] or "", row["by_value"] or ""]
    parts = [
        {"title": _("Counted"), "amount": written.number((quantity + free).normalize()),
         "rule": _("What the meter makes of the record, in the steps of the price.")},
        {"title": _("Covered by allowances"), "amount": written.number(free.normalize())},
        {"title": _("To be paid for"), "amount": written.number(quantity.normalize())},
    ]  # fmt: skip
    if exact:
        rule = _("Priced record by record.")
        sums = f"{number(quantity)} -> {exactly(exact)}"
        if quantity:
            each = exactly(exact / Fraction(quantity))
            sums = f"{number(quantity)} * {each} = {exactly(exact)}"
    else:
        rule = _("The period is priced as a whole; the bill's explanation shows the arithmetic.")
        sums = ""
    name = ", ".join(text for text in (price.name, *bands) if text)
    return {
        "title": name, "rule": rule,
        "amount": _money(exact, price.currency) if exact else written.DASH,
        "arithmetic": sums, "parts": parts, "open": True,
    }  # fmt: skip


def _shown(value: Any) -> Any:
    if isinstance(value, datetime):
        return written.moment(value)
    return written.number(value.normalize()) if isinstance(value, Decimal) else value
