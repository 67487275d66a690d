"""The gallery: every component in all of its states, to look at and to test."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from meterline.access.models import Role
from meterline.platform import clock
from meterline.web import charts
from meterline.web.confirm import confirm
from meterline.web.figures import Stat
from meterline.web.filters import Choice, Days, Flag, Search
from meterline.web.forms import AmountField, DayField, LookupField, PeriodField
from meterline.web.page import act, page
from meterline.web.rows import Chip, Column, Day, Money, Number, Rows
from meterline.web.table import Bulk, Table

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
COURSE = (412, 418, 431, 440, 438, 452, 470, 481, 479, 495, 512, 530)
ROWS: list[dict[str, Any]] = [
    {"number": "INV-00001031", "date": date(2026, 3, 1), "customer": "Anna Rossi", "lines": 12,
     "total": Decimal("1240.5"), "currency": "EUR", "state": "paid"},
    {"number": "INV-00001032", "date": date(2026, 3, 1), "customer": "Harbour Hotel Group Pty Ltd",
     "lines": 318, "total": Decimal("48112.2"), "currency": "EUR", "state": "overdue"},
    {"number": "CRN-00000007", "date": date(2026, 3, 4), "customer": "Kenji Sato", "lines": 1,
     "total": Decimal(-9900), "currency": "JPY", "state": "open"},
]  # fmt: skip
COLUMNS = [
    Column("number", "Number", link=lambda row: f"#{row['number']}"),
    Day("date", "Date"), Column("customer", "Customer"), Number("lines", "Lines"),
    Money("total", "Total"),
    Chip("state", "State", tones={"paid": "good", "overdue": "bad", "open": "warning"}),
]  # fmt: skip
LIST = Table(
    "gallery",
    columns=[Column("name", "Role", sort=True), Column("code", "Code", sort=True),
             Chip("built_in", "Built in")],
    filters=[Search(fields=("name", "code"), label="Name or code"),
             Choice("code", "Code", choices=(("admin", "admin"), ("billing", "billing"))),
             Days("since", "Since", field="users__created_at"), Flag("built_in", "Built in only")],
    bulk=[Bulk(act="console.gallery_bulk", label="Look at them", permission="home.view"),
          Bulk(act="console.gallery_bulk", label="Discard", permission="home.view", danger=True)],
    order="name", size=25,
)  # fmt: skip
TREE = {
    "title": "Calls to Australia, March", "amount": "18.46 EUR", "open": True,
    "rule": "Each call by its destination and time of day, in steps of 30 seconds.",
    "arithmetic": "12.06 + 6.40 = 18.46",
    "parts": [
        {"title": "Peak, 67 minutes", "amount": "12.06 EUR", "arithmetic": "67 * 0.18 = 12.06",
         "parts": [{"title": "14 calls", "amount": "67:00", "rule": "The records behind it.",
                    "url": "#records"}]},
        {"title": "Off-peak, 64 minutes", "amount": "6.40 EUR", "arithmetic": "64 * 0.10 = 6.40"},
    ],
}  # fmt: skip


class GalleryForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label="Name", help_text="As it stands on the invoice.")
    plan = forms.ChoiceField(label="Plan", choices=[("s", "Mobile Start"), ("p", "Mobile Plus")])
    customer = LookupField(label="Customer", kind="customers", help_text="Name or code.")
    amount = AmountField(label="Amount", currency="EUR")
    on = DayField(label="From")
    period = PeriodField(label="Period")
    note = forms.CharField(label="Note", widget=forms.Textarea, required=False)
    notify = forms.BooleanField(label="Tell the customer by e-mail", required=False)
    way = forms.ChoiceField(
        label="When", choices=[("now", "At once"), ("next", "With the next bill")],
        widget=forms.RadioSelect,
    )  # fmt: skip


@page("gallery", title=_("Components"), permission="home.view", menu="settings", order=90)
def gallery(request: HttpRequest) -> HttpResponse:
    """All components. `?messages=1` shows messages, `?wrong=1` the form with errors."""
    if request.GET.get("messages"):
        messages.success(request, "1,240 invoices were issued.")
        messages.error(request, "3 records could not be rated.")
    now = clock.now()
    wrong = {"period_0": "2026-03-31", "period_1": "2026-03-01"}
    context = {
        "form": GalleryForm(wrong if request.GET.get("wrong") else None),
        "stats": _stats(),
        "rows": Rows(COLUMNS, ROWS, caption="Invoices"),
        "table": LIST.bind(request, Role.objects.all()),
        "charts": _charts(),
        "tree": TREE,
        "chips": [("paid", "good"), ("running", "busy"), ("due soon", "warning"),
                  ("overdue", "bad"), ("draft", "neutral")],
        "tabs": [("Overview", request.path, None), ("Invoices", "#i", "13"),
                 ("Payments", "#p", "9"), ("Notes", "#n", None)],
        "facts": [("Account", "M-000123"), ("Currency", "EUR"), ("Billing day", "1st"),
                  ("Address", "Via della Torre 12, 20127 Milano")],
        "changes": [("Monthly fee", "9.90 EUR", "10.90 EUR"), ("Roaming", None, "included"),
                    ("Paper bill", "1.50 EUR", None)],
        "events": [
            {"at": now - timedelta(minutes=4), "title": "Payment of 12.40 EUR", "tone": "good",
             "actor": "bank transfer"},
            {"at": now - timedelta(days=3), "title": "Plan changed to Mobile Plus", "tone": "busy",
             "text": "With effect from 1 Dec; the next invoice is 3.10 EUR more."},
            {"at": now - timedelta(days=26), "title": "Invoice INV-00001031 is overdue",
             "tone": "bad", "url": "#invoice"},
        ],
    }  # fmt: skip
    return render(request, "console/gallery.html", context)


@act("gallery/bulk", permission="home.view")
def gallery_bulk(request: HttpRequest) -> HttpResponse:
    """What a bulk act shows before it is done."""
    chosen = LIST.chosen(request, Role.objects.all())
    return confirm(
        request, "Look at roles", verb="Look at them", danger=True,
        effects=[("Roles", str(chosen.count()))], largest=Rows(COLUMNS, ROWS),
        note="A dry run says how many and how much before anything happens.",
    )  # fmt: skip


def _stats() -> list[Stat]:
    course = tuple(str(value) for value in COURSE)
    return [
        Stat(title="Invoiced in October", value="48.1K", group="EUR", url="#a", trend="+3.5 %",
             tone="good", note="1,395 documents", course=course),
        Stat(title="Overdue", value="9,204", group="EUR", url="#b", trend="19 %", tone="bad",
             note="of what is open"),
        Stat(title="Customers", value="1,500", url="#c", note="41 joined", course=course[::-1]),
        Stat(title="Rejects", value="0", url="#d", note="nothing to mend"),
    ]  # fmt: skip


def _charts() -> list[charts.Chart]:
    pairs = list(zip(MONTHS, COURSE, strict=True))
    kinds = ("Recurring", "Usage", "One-time")
    parts = [
        (month, kind, value // part)
        for month, value in pairs
        for kind, part in zip(kinds, (2, 3, 6), strict=True)
    ]
    hours = [
        (f"{hour:02d}", day, (hour * 7 + index * 5) % 24)
        for index, day in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))
        for hour in range(24)
    ]
    bridge = [("February", 412), ("Days", 31), ("Usage", 54), ("Credits", -22), ("March", 475)]
    return [
        charts.bars("Bars: invoiced", pairs, unit="EUR", description="a month"),
        charts.stacked("Stacked: revenue by kind", parts, unit="EUR"),
        charts.lines("Lines: revenue by kind", parts, unit="EUR"),
        charts.area("Area: customers", pairs, description="at the end of the month"),
        charts.heat("Heat map: usage", hours, unit="kWh", description="hour by weekday"),
        charts.waterfall("Waterfall: why the bill changed", bridge, unit="EUR"),
    ]
