"""What pages show besides a company's customers, contracts, documents and money: one of each."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from time import perf_counter

import polars as pl
from company import CATALOGUE


def make(home: Path) -> None:
    """Make what is not there yet, and compute what pages show as kept."""
    from meterline.access.models import ApiKey
    from meterline.insight import reports
    from meterline.ledger import services as ledger
    from meterline.ledger.models import TrialBalance
    from meterline.web import figures
    from meterline.web.page import load_pages

    load_pages()
    if not ApiKey.objects.exists():
        _catalogue(home)
        _records(home)
        _desk()
        _plan()
    if TrialBalance.objects.exists():
        return
    kept = {
        "key figures": figures.refresh, "reports": reports.refresh,
        "trial balance": lambda: ledger.keep_trial_balance(None),
    }  # fmt: skip
    for what, compute in kept.items():
        begun = perf_counter()
        compute()
        print(f"{what}: {perf_counter() - begun:.1f} s, by a job")


def _catalogue(home: Path) -> None:
    """The catalogues of the demo, with their deck and calendars."""
    from meterline.catalog import files as catalogues
    from meterline.catalog import services as catalog
    from meterline.demo.files import write_catalogues
    from meterline.demo.size import Size

    size = Size(customers=10, months=1, seed=4, first=date(2026, 1, 1))
    for path in write_catalogues(size, home / "catalogues"):
        catalog.apply(catalogues.parse(path), effective=date(2000, 1, 1))


def _records(home: Path) -> None:
    """Usage of yesterday, with its files."""
    from meterline.platform import clock
    from meterline.subscriptions.models import Identifier
    from meterline.usage import services as usage

    numbers = list(Identifier.objects.order_by("-id").values_list("value", flat=True)[:5000])
    start = (clock.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    pl.DataFrame({"identifier": numbers}).with_row_index("id").select(
        pl.format("late-{}", "id").alias("id"), meter=pl.lit("api_calls"), identifier="identifier",
        start=pl.lit(start), calls=pl.lit("1500"),
    ).write_csv(home / "late.csv")  # fmt: skip
    usage.load_file(home / "late.csv")


def _desk() -> None:
    """A key, an approval, a draft, a file on its way, a job, a question."""
    from meterline.access import approvals, secrets
    from meterline.care import services as care
    from meterline.catalog import drafts
    from meterline.customers.models import Customer
    from meterline.invoices.models import Invoice
    from meterline.usage import uploads
    from meterline.web.jobs import refresh_figures

    secrets.make_key(name="crm", permissions=["customers.view"])
    approvals.ask("credit.grant", "account:A00000001", summary="Credit of 500.00 EUR",
                  permission="payments.approve", payload={"amount": "500"})  # fmt: skip
    dearer = CATALOGUE.replace('"9.90"', '"10.90"').encode()
    drafts.create("catalogue.yaml", [drafts.Kept(path="catalogue.yaml", content=dearer)])
    uploads.keep("more.csv", [b"id\n1\n"], mapping=None, format="csv", source="")
    document = Invoice.objects.order_by("-pk")[0]
    asker = Customer.objects.get(account=document.account_id)
    care.ask(asker, document, "Why is it more than last month?")
    refresh_figures.defer(timestamp=0)  # type: ignore[call-arg]


def _plan() -> None:
    """A checked plan of a bill run of some accounts."""
    from meterline.billing import planning
    from meterline.customers.models import Account
    from meterline.platform import clock

    codes = list(Account.objects.order_by("pk").values_list("code", flat=True)[:100])
    first = clock.now().date().replace(day=1)
    made = planning.plan(first, account_codes=codes, progressive=False)
    planning.check(made.pk)
