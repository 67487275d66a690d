"""Where `pages.py` goes: addresses of every page, with parameters out of the database.

A visit has as many addresses as there are samples, so that each is asked of other rows. Lists are
also visited by every filter, order, their 50th next page, and a search.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Max, Min, Model, QuerySet
from django.test import Client
from django.urls import reverse

ADMINISTRATOR = "measure@example.com"
DEEP = 50
_PICTURE = re.compile(r'<chart-picture data-url="([^"]+)"')


@dataclass(frozen=True)
class Visit:
    """What is asked for, in words, and the addresses."""

    name: str
    urls: list[str]
    users: list[str] = field(default_factory=list)  # of each address; none: an administrator


class Samples:
    """Rows to ask for: `size` of each kind, by chance, always the same."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.chance = random.Random(4)
        self.held: dict[str, list[Any]] = {}

    def of(self, rows: QuerySet[Any], name: str = "pk") -> list[Any]:
        """Values of some of the rows; none where there is no row."""
        key = f"{rows.query}.{name}"
        if key not in self.held:
            self.held[key] = self._drawn(rows, name)
        return self.held[key]

    def _drawn(self, rows: QuerySet[Any], name: str) -> list[Any]:
        ordered = rows.order_by("pk")
        ends = rows.aggregate(low=Min("pk"), high=Max("pk"))
        if not isinstance(ends["low"], int):
            return self._all(list(ordered.values_list(name, flat=True)[: self.size]))
        drawn = [self.chance.randint(ends["low"], ends["high"]) for _each in range(self.size)]
        found = (ordered.filter(pk__gte=key).values_list(name, flat=True)[:1] for key in drawn)
        return [value for part in found for value in part]

    def _all(self, values: list[Any]) -> list[Any]:
        return [values[index % len(values)] for index in range(self.size)] if values else []


def _parameters(samples: Samples) -> dict[str, Callable[[], list[Any]]]:
    """By the name of a parameter: its values."""
    from procrastinate.contrib.django.models import ProcrastinateJob

    from meterline.access.models import ApiKey, Approval, Role, User
    from meterline.billing.models import BillRun, Plan
    from meterline.care.models import Question
    from meterline.catalog.models import Draft
    from meterline.customers.models import Account
    from meterline.invoices.models import Invoice
    from meterline.ledger.models import Entry
    from meterline.payments.models import Payment
    from meterline.subscriptions.models import Subscription
    from meterline.usage.models import Batch, Reject, Upload

    rows: dict[str, tuple[type[Model], str]] = {
        "account": (Account, "pk"), "approval": (Approval, "pk"), "batch": (Batch, "pk"),
        "draft": (Draft, "pk"), "invoice": (Invoice, "pk"), "payment": (Payment, "pk"),
        "plan": (Plan, "pk"), "run": (BillRun, "pk"), "subscription": (Subscription, "pk"),
        "reject": (Reject, "pk"), "upload": (Upload, "pk"), "user": (User, "pk"),
        "job": (ProcrastinateJob, "pk"), "prefix": (ApiKey, "prefix"), "code": (Role, "code"),
        "entry": (Entry, "pk"), "question": (Question, "pk"),
    }  # fmt: skip
    return {
        name: lambda model=model, field=field: samples.of(model._default_manager.all(), field)
        for name, (model, field) in rows.items()
    }


def _special(samples: Samples) -> dict[str, Callable[[], list[dict[str, Any]]]]:
    """Parameters of the pages for which the names alone do not tell."""
    from meterline.catalog.models import Entry, PlanVersion, PriceRow
    from meterline.console.pages.subscription import ACTS
    from meterline.console.topics import topics_in
    from meterline.customers.models import Customer
    from meterline.invoices.models import Invoice
    from meterline.payments.models import Payment
    from meterline.platform.models import AuditEntry
    from meterline.usage.models import Batch

    def codes(kind: str) -> list[dict[str, Any]]:
        return [{"code": one} for one in samples.of(Entry.objects.filter(kind=kind), "code")]

    def customers() -> list[dict[str, Any]]:
        return [{"code": one} for one in samples.of(Customer.objects.all(), "code")]

    def prices() -> list[dict[str, Any]]:
        found = PriceRow.objects.select_related("plan_version")[: samples.size]
        return [{"code": one.plan_version.plan_code, "version": one.plan_version.version,
                 "price": one.code} for one in found]  # fmt: skip

    def paid() -> list[dict[str, Any]]:
        return [{"payment": one, "kind": "refund"}
                for one in samples.of(Payment.objects.filter(kind="payment"))]  # fmt: skip

    def contracts() -> list[dict[str, Any]]:
        from meterline.subscriptions.models import Subscription

        found = samples.of(Subscription.objects.filter(state="active"))
        acts = list(ACTS)
        return [{"subscription": one, "what": acts[index % len(acts)]}
                for index, one in enumerate(found)]  # fmt: skip

    def records() -> list[dict[str, Any]]:
        kept = Batch.objects.exclude(path="").order_by("-pk").values_list("pk", flat=True)[:1]
        return [
            {"batch": one, "line": 10 * line + 8} for one in kept for line in range(samples.size)
        ]

    return {
        "catalog.plan": lambda: [{"code": one} for one in samples.of(
            PlanVersion.objects.filter(base=None), "plan_code")],
        "authoring.plan_price": lambda: [{"plan": one} for one in samples.of(
            PlanVersion.objects.filter(base=None), "plan_code")],
        "catalog.price": prices,
        "catalog.meter": lambda: codes("meter"),
        "catalog.calendar": lambda: codes("calendar"),
        "catalog.card": lambda: codes("rate_card"),
        "console.audit_entry": lambda: [
            {"entry": one} for one in samples.of(AuditEntry.objects.all())],
        "console.help_topic": lambda: [
            {"topic": topic.name} for topic in topics_in("en")[: samples.size]],
        "console.give_back": paid,
        "console.subscription_act": contracts,
        "invoices.credit": lambda: [{"invoice": one} for one in samples.of(
            Invoice.objects.filter(kind="invoice"))],
        "usage.record": records,
        **dict.fromkeys(
            ["console.customer", "console.customer_services", "console.customer_usage",
             "console.customer_invoices", "console.customer_payments", "console.customer_notes",
             "console.customer_edit", "console.account_new", "portal.access"], customers),
    }  # fmt: skip


def pages(samples: Samples) -> Iterator[Visit]:
    """Every page of the registry, plainly; one without addresses has no row to show."""
    from meterline.web.page import PAGES

    by_name, special = _parameters(samples), _special(samples)
    for one in PAGES.values():
        if one.surface != "console":
            continue
        names = _names(one.path)
        if one.name in special:
            given = special[one.name]()
        elif names:
            values = [_values(by_name, samples, kind, name) for kind, name in names]
            keys = [name for _kind, name in names]
            given = [dict(zip(keys, row, strict=True)) for row in zip(*values, strict=True)]
        else:
            given = [{}] * samples.size
        query = _QUERIES.get(one.name, "")
        yield Visit(one.name, [f"{reverse(one.name, kwargs=each)}{query}" for each in given])
    yield from parts(samples)
    yield from found(samples)


_QUERIES = {"authoring.draft_price": "?plan=basic"}


def _values(
    by_name: dict[str, Callable[[], list[Any]]], samples: Samples, kind: str, name: str
) -> list[Any]:
    """Values of a parameter; of one that is not known, the keys of the model of its name, or its
    codes where it is no number."""
    from django.apps import apps

    if name in by_name and (kind == "int" or name in ("code", "prefix")):
        return by_name[name]()
    called = name.replace("_", "")
    for one in apps.get_models():
        fields = {field.name for field in one._meta.get_fields()}
        if one._meta.model_name == called and (kind == "int" or "code" in fields):
            return samples.of(one._default_manager.all(), "pk" if kind == "int" else "code")
    return []


def _names(path: str) -> list[tuple[str, str]]:
    """Kind and name of each parameter."""
    parts = [part.strip("<>").partition(":") for part in path.split("/") if ":" in part]
    return [(kind, name) for kind, _colon, name in parts]


def parts(samples: Samples) -> Iterator[Visit]:
    """What pages load after themselves."""
    by_name = _parameters(samples)
    for name, parameter in (("console.account_next", "account"),
                            ("console.account_usage", "account"),
                            ("console.subscription_next", "subscription")):  # fmt: skip
        urls = [reverse(name, args=[one]) for one in by_name[parameter]()]
        yield Visit(f"{name} (part)", urls)


def pictures(client_of: Callable[[str], Client], plain: Visit) -> Iterator[Visit]:
    """The first chart of each of a page's addresses; nothing where the first of them has none."""
    users = plain.users or [ADMINISTRATOR] * len(plain.urls)
    found: list[tuple[str, str]] = []
    for user, url in zip(users, plain.urls, strict=True):
        page = client_of(user).get(url, headers={"accept-encoding": "identity"})
        address = None if page.streaming else _PICTURE.search(page.content.decode())
        if address is None and not found:
            return
        if address is not None:
            found.append((f"{address[1]}&wide", user))
    urls, users = (list(values) for values in zip(*found, strict=True))
    yield Visit(f"{plain.name}: its chart (part)", urls, users)


def found(samples: Samples) -> Iterator[Visit]:
    """Ctrl-K, its page, and records, by what people type."""
    from meterline.customers.models import Party
    from meterline.invoices.models import Invoice
    from meterline.payments.models import Payment
    from meterline.subscriptions.models import Identifier, Subscription

    typed = {
        "name": samples.of(Party.objects.all(), "name"),
        "beginning of a name": [one[:3] for one in samples.of(Party.objects.all(), "name")],
        "code": samples.of(Subscription.objects.all(), "code"),
        "number": samples.of(Identifier.objects.all(), "value"),
        "beginning of a number": [one[:5] for one in samples.of(Identifier.objects.all(), "value")],
        "invoice": samples.of(Invoice.objects.all(), "number"),
        "beginning of an invoice": [one[:4] for one in samples.of(Invoice.objects.all(), "number")],
        "payment": samples.of(Payment.objects.all(), "code"),
        "letter": list("abcdefghijklmnopqrstuvwxy"[: samples.size]),
    }
    for kind, texts in typed.items():
        for name in ("console.palette", "console.search"):
            urls = [f"{reverse(name)}?{urlencode({'q': text})}" for text in texts]
            yield Visit(f"{name}, {kind}", urls)
    records = [f"{reverse('usage.records')}?{urlencode({'of': one})}" for one in typed["code"]]
    yield Visit("usage.records, of a subscription", records)


def lists(samples: Samples, client: Client, plain: Visit) -> Iterator[Visit]:
    """What else a list is asked for: `plain` is its page."""
    shown = client.get(plain.urls[0])
    table = shown.context.get("table") if shown.context else None
    if table is None or not hasattr(table, "heads"):
        return
    for told, asked in _asked(samples, table):
        joined = [f"{url}?{urlencode(each)}" for url, each in zip(plain.urls, asked, strict=False)]
        yield Visit(f"{plain.name}, {told}", joined)
    deep = _deep(client, plain.urls[0], table)
    if deep is not None:
        yield Visit(f"{plain.name}, page {DEEP + 1}", [deep] * samples.size)


def _asked(samples: Samples, table: Any) -> Iterator[tuple[str, list[dict[str, str]]]]:
    many = range(samples.size)
    for column in table.table.columns:
        if column.sort:
            for sign in ("", "-"):
                yield f"sort {sign}{column.name}", [{"sort": f"{sign}{column.name}"} for _ in many]
    for one in table.table.filters:
        match one.kind:
            case "choice":
                for code, _label in one.options():
                    yield f"{one.name}={code}", [{one.name: code} for _ in many]
            case "flag":
                yield f"{one.name}", [{one.name: "1"} for _ in many]
            case "days":
                yield f"{one.name} of a month", _days(samples, one)
            case _:
                values = _typed(samples, table, one)
                yield f"{one.name} typed", [{one.name: str(value)} for value in values]


def _days(samples: Samples, one: Any) -> list[dict[str, str]]:
    from meterline.platform import clock

    first, last = one.parameters()
    today = clock.now().date()
    starts = [today - timedelta(days=30 * (1 + index % 12)) for index in range(samples.size)]
    return [{first: str(day), last: str(day + timedelta(days=29))} for day in starts]


def _typed(samples: Samples, table: Any, one: Any) -> list[Any]:
    """What is typed into a filter: values of rows that are there."""
    from meterline.customers.models import Account, Party
    from meterline.subscriptions.models import Identifier

    rows = table.queryset.model._default_manager.all()
    model = rows.model.__name__
    match (model, one.name):
        case (_, "least"):
            return [20 + index for index in range(samples.size)]
        case (_, "account"):
            return samples.of(Account.objects.all(), "code")
        case ("Subscription", "plan"):
            return [("basic", "plus", "metered")[index % 3] for index in range(samples.size)]
        case ("Subscription", "q"):
            return samples.of(Identifier.objects.all(), "value")
        case ("Customer", "q"):
            return [name[:5] for name in samples.of(Party.objects.all(), "name")]
        case ("Invoice", "q"):
            return samples.of(rows, "number")
        case ("Invoice", "run"):
            return samples.of(rows.filter(bill_run_id__isnull=False), "bill_run_id")
        case ("PlanVersion", "q"):
            return samples.of(rows, "plan_code")
        case ("User", "q"):
            return samples.of(rows, "email")
        case ("Meter", "q"):
            return samples.of(rows, "serial")
        case (_, "q"):
            return samples.of(rows, "code")
    field = one.field or ("batch_id" if one.name == "batch" else one.name)
    return samples.of(rows, field)


def _deep(client: Client, url: str, table: Any) -> str | None:
    """The address of the list after so many next pages."""
    for _each in range(DEEP):
        after = table.slice.after
        if after is None:
            return None
        address = f"{url}?{urlencode({'after': after})}"
        table = client.get(address).context["table"]
    return address
