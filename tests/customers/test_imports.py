"""CSV files of sellers, customers and accounts: good rows come in, bad ones come back."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from meterline.customers import services
from meterline.customers.errors import InvalidImport
from meterline.customers.models import Account, BillingDay, Customer, Seller

pytestmark = pytest.mark.django_db


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def test_sellers_customers_and_accounts(tmp_path: Path) -> None:
    sellers = write(tmp_path / "s.csv", "code,name,payment_terms_days\ns1,Seller,30\ns2,Other,\n")
    customers = write(
        tmp_path / "c.csv",
        'code,name,kind,address,email\r\nc1,"Rossi, Anna",,"Via A 1\n00100 Roma",a@example.com\r\n'
        "c2,Acme,organisation,,\r\n",
    )
    accounts = write(
        tmp_path / "a.csv",
        "code,currency,customer,seller,timezone,billing_day,region,parent\n"
        "A,EUR,c1,s1,Europe/Rome,31,IT,\nB,EUR,c2,s2,,anniversary,,A\nC,USD,,,,,,\n",
    )
    assert services.import_file("sellers", sellers).created == 2
    assert services.import_file("customers", customers).created == 2
    report = services.import_file("accounts", accounts)
    assert (report.rows, report.created, report.rejected, report.rejects) == (3, 3, 0, None)
    assert list(Seller.objects.order_by("code").values_list("code", "payment_terms_days")) == [
        ("default", 14), ("s1", 30), ("s2", 14)
    ]  # fmt: skip
    anna = Customer.objects.get(code="c1").party
    assert (anna.name, anna.kind, anna.address) == ("Rossi, Anna", "person", "Via A 1\n00100 Roma")
    a, b, c = Account.objects.order_by("code")
    assert (a.customer.code, a.seller.code, a.timezone, a.tax_region) == (
        "c1", "s1", "Europe/Rome", "IT"
    )  # fmt: skip
    assert (b.parent, b.timezone, b.tax_region) == (a, "UTC", None)
    assert (c.customer.code, c.seller.code, c.currency) == ("C", "default", "USD")
    days = dict(BillingDay.objects.values_list("account__code", "day"))
    assert days == {"A": 31, "B": None, "C": 1}


BAD_ACCOUNTS = {
    "A,EUR,,,,,,": ("code_taken", "account A exists already"),
    "B,EURO,,,,,,": ("invalid_field", "currency 'EURO' cannot be"),
    "B,EUR,nobody,,,,,": ("unknown_customer", "there is no customer nobody"),
    "B,EUR,,nobody,,,,": ("unknown_seller", "there is no seller nobody"),
    "B,EUR,,,Mars/Base,,,": ("invalid_field", "timezone 'Mars/Base'"),
    "B,EUR,,,,32,,": ("invalid_field", "1 to 31 or anniversary"),
    "B,EUR,,,,,,Z": ("unknown_account", "there is no account Z above it"),
    "B,EUR,,,,,,B": ("unknown_account", "there is no account B above it"),
    ",EUR,,,,,,": ("missing_field", "code is empty"),
    "B,EUR,,": ("malformed", "4 fields, the header has 8"),
    "good,EUR,,,,,,": ("code_taken", "good is in the file twice"),
}


@pytest.mark.parametrize(("row", "why"), BAD_ACCOUNTS.items())
def test_bad_rows_come_back_with_line_and_reason(
    tmp_path: Path, row: str, why: tuple[str, str]
) -> None:
    services.create_account(code="A", currency="EUR")
    path = write(
        tmp_path / "a.csv",
        "code,currency,customer,seller,timezone,billing_day,region,parent\n"
        f"good,EUR,,,,,,\n{row}\n",
    )
    report = services.import_file("accounts", path)
    assert (report.rows, report.created, report.rejected) == (2, 1, 1)
    assert report.rejects is not None
    with report.rejects.open(newline="") as file:
        header, reject = csv.reader(file)
    assert header[:4] == ["line", "reason", "detail", "code"]
    assert reject[:2] == ["3", why[0]]
    assert why[1] in reject[2]
    assert reject[3:] == row.split(",")


def test_rejects_can_be_mended_and_imported(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", "name,code,email\nAnn,c1,nowhere\nBen,c2,ben@example.com\n")
    report = services.import_file("customers", path)
    assert report.rejects == tmp_path / "c.rejects.csv"
    text = report.rejects.read_text().replace("Ann,c1,nowhere", "Ann,c1,ann@example.com")
    again = services.import_file("customers", write(tmp_path / "mended.csv", text))
    assert (again.created, again.rejected) == (1, 0)
    assert Customer.objects.count() == 2


def test_a_dry_run_tells_and_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", "code,name,country\nc1,Ann,Italy\nc2,Ben,IT\n")
    report = services.import_file("customers", path, dry_run=True)
    assert (report.rows, report.created, report.rejected) == (2, 1, 1)
    assert Customer.objects.count() == 0


def test_a_child_of_a_refused_parent_is_refused_too(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv", "code,currency,parent\nA,EUROS,\nB,EUR,A\nC,EUR,B\nD,EUR,\nE,EUR,D\n"
    )
    report = services.import_file("accounts", path)
    assert report.created == 2
    assert set(Account.objects.values_list("code", flat=True)) == {"D", "E"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "a header is required"),
        ("code\nc1\n", "the header lacks name"),
        ("code,name,colour\n", "unknown columns: colour"),
        ("code,name,name\n", "twice: name"),
        ('code,name\n"c1,Ann\n', "cannot be read"),
    ],
)
def test_files_that_are_no_such_files(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(InvalidImport, match=problem):
        services.import_file("customers", write(tmp_path / "c.csv", text))


def test_unknown_kinds_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(InvalidImport, match="sellers, customers, accounts"):
        services.import_file("plans", tmp_path / "x.csv")
    with pytest.raises(InvalidImport, match="cannot be read"):
        services.import_file("customers", tmp_path / "absent.csv")
