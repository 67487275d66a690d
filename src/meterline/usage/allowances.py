"""Allowances as loading and correcting need them: what covers what, and what was taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple, cast

import polars as pl
from django.db import connection

from meterline.catalog import services as catalog
from meterline.platform.database import read_frame, write_frame
from meterline.rating.allowance import Allowance
from meterline.rating.tariff import Tariff
from meterline.subscriptions.frames import phases_frame
from meterline.subscriptions.models import Subscription
from meterline.usage.accounts import billing_days
from meterline.usage.grants import BEGINNING, LOTS, lots
from meterline.usage.settle import (
    DRAWN,
    LATE,
    LOT_KEY,
    USED,
    Cover,
    covered_prices,
    remaining,
)

Window = tuple[datetime, datetime]


def cover_of(tariff: Tariff, account_ids: Sequence[int] | None = None) -> Cover:
    """What allowances cover under a tariff; of some accounts, or of all."""
    allowances, carriers = granted()
    return Cover(
        allowances=allowances,
        carriers=carriers,
        prices=covered_prices(allowances, tariff),
        accounts=_sharing_accounts(account_ids),
    )


def granted() -> tuple[Sequence[Allowance], pl.DataFrame]:
    """The distinct allowances of all plans; and plan_version_id, definition (place among them)."""
    return distinct(catalog.allowances())


def distinct(
    by_version: Mapping[int, Sequence[Allowance]],
) -> tuple[Sequence[Allowance], pl.DataFrame]:
    """As `granted`, of the allowances of plan versions."""
    places: dict[str, int] = {}
    found: list[Allowance] = []
    rows = []
    for version, allowances in by_version.items():
        for one in allowances:
            if one.digest not in places:
                places[one.digest] = len(found)
                found.append(one)
            rows.append((version, places[one.digest]))
    schema = {"plan_version_id": pl.Int64, "definition": pl.Int32}
    return found, pl.DataFrame(rows, schema=schema, orient="row")


def _sharing_versions() -> list[int]:
    """The plan versions with a shared allowance."""
    known = catalog.allowances()
    return [
        version for version, granted in known.items()
        if any(one.shared != "subscription" for one in granted)
    ]  # fmt: skip


def _sharing_accounts(account_ids: Sequence[int] | None) -> pl.Series:
    """The accounts (of those given) in which a subscription carries a shared allowance, or did, or
    will."""
    versions = _sharing_versions()
    if not versions:
        return pl.Series([], dtype=pl.Int64)
    wanted = None if account_ids is None else list(account_ids)
    rows = read_frame(
        """
        SELECT DISTINCT account_id FROM subscriptions_phase WHERE plan_version_id = ANY(%s)
            AND (%s::bigint[] IS NULL OR account_id = ANY(%s::bigint[]))
        """,
        [versions, wanted, wanted],
        schema={"account_id": pl.Int64},
    )
    return rows["account_id"]


class Waiting(NamedTuple):
    """What `settle` takes: records of whole accounts, and the lots that they may draw on."""

    records: pl.DataFrame
    rated: pl.DataFrame
    cover: Cover
    lots: pl.DataFrame
    used: pl.DataFrame
    tariff: Tariff


def waiting(
    records: pl.DataFrame, rated: pl.DataFrame, given_back: pl.DataFrame | None = None
) -> Waiting:
    """Records of whole accounts before allowances, with what was taken before.

    `records`: line, id, plan_version_id and properties; `rated`: store.RATED but covered, rated in
    full. `given_back` (USES): what these records took when they were rated before.
    """
    tariff = catalog.tariff(records["plan_version_id"].unique().to_list())
    window = cast(Window, (rated["start"].min(), rated["start"].max()))
    found, used = state(rated["account_id"].unique().to_list(), window)
    if given_back is not None:
        back = drawn_again(given_back, -1)
        used = pl.concat([used, back.select(USED.keys())])
    return Waiting(records, rated, cover_of(tariff, []), found, used, tariff)


def state(account_ids: Sequence[int], window: Window) -> tuple[pl.DataFrame, pl.DataFrame]:
    """LOTS of accounts that can be used within a window, and USED of them."""
    allowances, carriers = granted()
    phases = phases_frame(account_ids=account_ids)
    found = lots(phases, carriers, allowances, billing_days(account_ids), window)
    if found.is_empty():
        return found, pl.DataFrame(schema=USED)
    used = read_frame(
        """
        SELECT account_id, owner_id, allowance, definition, lot_start,
            sum(amount), denominator, max(last_start)
        FROM usage_drawn WHERE account_id = ANY(%s) AND lot_start >= %s
        GROUP BY account_id, owner_id, allowance, definition, lot_start, denominator
        """,
        [list(account_ids), found["lot_start"].min()],
        schema=USED,
    )
    return found, used


@dataclass(frozen=True, kw_only=True)
class Balance:
    """A lot, and what is left of it. Amounts are units of the meter, or money."""

    subscription: str  # code; "": shared by the account
    allowance: str
    money: bool
    start: datetime
    end: datetime | None
    granted: Decimal
    used: Fraction

    @property
    def left(self) -> Fraction:
        """What can still be used; less than was granted where a contract has changed since."""
        return max(Fraction(self.granted) - self.used, Fraction(0))


def balances(account_id: int, at: datetime, *, subscription_id: int | None = None) -> list[Balance]:
    """The lots of an account, or those for one subscription, that can be used at an instant."""
    found, used = state([account_id], (at, at))
    if found.is_empty():
        return []
    rows = remaining(found, used, granted()[0])
    if subscription_id is not None:
        rows = rows.filter(pl.col("owner_id").is_in([0, subscription_id]))
    codes = dict(Subscription.objects.filter(account_id=account_id).values_list("id", "code"))
    return [
        Balance(
            subscription=codes.get(row["owner_id"], ""), allowance=row["allowance"],
            money=row["money"], start=row["lot_start"], end=row["lot_end"],
            granted=row["granted"],
            used=Fraction(row["granted"]) - Fraction(row["left"]) / row["denominator"],
        )
        for row in rows.sort("owner_id", "allowance", "lot_start").iter_rows(named=True)
    ]  # fmt: skip


def covered(account_ids: Sequence[int], earliest: date) -> pl.DataFrame:
    """What allowances covered of each price's periods: subscription_id, price_id, period_start,
    allowance, money, amount / denominator; only what is not 0."""
    money = [
        one.digest for granted in catalog.allowances().values() for one in granted if one.money
    ]
    return read_frame(
        """
        SELECT subscription_id, price_id, period_start, allowance, definition = ANY(%s),
            sum(amount), denominator
        FROM usage_drawn WHERE account_id = ANY(%s) AND period_start >= %s
        GROUP BY 1, 2, 3, 4, 5, denominator HAVING sum(amount) <> 0
        """,
        [money, list(account_ids), earliest],
        schema={
            "subscription_id": pl.Int64, "price_id": pl.Int64, "period_start": pl.Date,
            "allowance": pl.String, "money": pl.Boolean, "amount": USED["amount"],
            "denominator": pl.Int64,
        },
    )  # fmt: skip


def together(wanted: pl.DataFrame) -> pl.DataFrame:
    """subscription_id and since of all that must be rated with those of `wanted` (likewise): in an
    account that shares an allowance, what one uses is what others have not."""
    if wanted.is_empty():
        return wanted
    ids = wanted["subscription_id"].to_list()
    owners = _members("id", ids).join(wanted, on="subscription_id")
    accounts = _sharing_accounts(owners["account_id"].unique().to_list())
    sharing = owners.filter(pl.col("account_id").is_in(accounts.implode()))
    members = _members("account_id", accounts.to_list()).join(
        sharing.group_by("account_id").agg(pl.col("since").min()), on="account_id"
    )
    both = pl.concat([frame.select("subscription_id", "since") for frame in (owners, members)])
    return both.group_by("subscription_id", maintain_order=True).agg(pl.col("since").min())


def of_owners(late: pl.DataFrame) -> pl.DataFrame:
    """subscription_id and since of LATE owners; of an account, all of its subscriptions."""
    common = late.filter(pl.col("owner_id") == 0).select("account_id", "since")
    members = _members("account_id", common["account_id"].unique().to_list())
    own = late.filter(pl.col("owner_id") != 0).select("since", subscription_id="owner_id")
    both = [members.join(common, on="account_id").select("subscription_id", "since"), own]
    return (
        pl.concat(both, how="diagonal")
        .group_by("subscription_id", maintain_order=True)
        .agg(pl.col("since").min())
    )


def _members(column: Literal["id", "account_id"], ids: Sequence[int]) -> pl.DataFrame:
    return read_frame(
        f"SELECT id, account_id FROM subscriptions_subscription WHERE {column} = ANY(%s)"
        " ORDER BY id",
        [list(ids)],
        schema={"subscription_id": pl.Int64, "account_id": pl.Int64},
    )


def freed(rows: pl.DataFrame, uses: pl.DataFrame) -> pl.DataFrame:
    """LATE owners of used-up lots to which the uses (of rated records) are about to go back: later
    records may take them."""
    if uses.is_empty():
        return pl.DataFrame(schema=LATE)
    window = cast(Window, (rows["start"].min(), rows["start"].max()))
    found, used = state(uses["account_id"].unique().to_list(), window)
    empty = remaining(found, used, granted()[0]).filter("used_up")
    starts = rows.select("batch_id", "line", "start").unique(["batch_id", "line"])
    return (
        uses.join(empty, on=list(LOT_KEY), how="semi")
        .join(starts, on=["batch_id", "line"])
        .group_by("account_id", "owner_id", maintain_order=True)
        .agg(pl.col("start").min().alias("since"))
        .select(LATE.keys())
    )


def concerned_since(
    subscription_ids: Sequence[int], at: datetime, *, shared_only: bool = False
) -> pl.DataFrame:
    """subscription_id and since: from when on the lots can be others that changes of these
    contracts at `at` concern; of those that carry any."""
    nobody = pl.DataFrame(schema={"subscription_id": pl.Int64, "since": LOTS["lot_start"]})
    if not _carry_any(subscription_ids):  # as most do
        return nobody
    allowances, carriers = granted()
    kinds = [
        n for n, one in enumerate(allowances) if not shared_only or one.shared != "subscription"
    ]
    carried = (
        phases_frame(subscription_ids=subscription_ids)
        .join(carriers.filter(pl.col("definition").is_in(kinds)), on="plan_version_id")
        .select("subscription_id", "account_id", "definition")
        .unique()
    )
    if carried.is_empty():
        return nobody
    accounts = carried["account_id"].unique().to_list()
    found, _ = state(accounts, (at - timedelta(microseconds=1), at))
    own = (pl.col("owner_id") == 0) | (pl.col("owner_id") == pl.col("subscription_id"))
    return (
        carried.join(found, on=["account_id", "definition"])
        .filter(own)
        .group_by("subscription_id")
        .agg(since=pl.col("lot_start").min())
    )


def _carry_any(subscription_ids: Sequence[int]) -> bool:
    """Whether any of these contracts has allowances, or had, or will have."""
    versions = list(catalog.allowances())
    if not versions:
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM subscriptions_phase"
            " WHERE subscription_id = ANY(%s) AND plan_version_id = ANY(%s))",
            [list(subscription_ids), versions],
        )
        return bool(cursor.fetchone()[0])


def sharing(begun: pl.DataFrame) -> pl.DataFrame:
    """Those of `begun` (subscription_id, since) that carry a shared allowance, since the earliest
    start that an interval of it can have."""
    versions = _sharing_versions()
    if begun.is_empty() or not versions:
        return begun.clear()
    carrying = read_frame(
        "SELECT DISTINCT subscription_id FROM subscriptions_phase"
        " WHERE subscription_id = ANY(%s) AND plan_version_id = ANY(%s)",
        [begun["subscription_id"].to_list(), versions],
        schema={"subscription_id": pl.Int64},
    )
    intervals = [one.interval for one in granted()[0] if one.shared != "subscription"]
    longest = max(interval.longest for interval in intervals)
    return begun.join(carrying, on="subscription_id").with_columns(
        pl.max_horizontal(pl.col("since") - longest, BEGINNING)
    )


def drawn_again(rows: pl.DataFrame, sign: int) -> pl.DataFrame:
    """DRAWN of USES that are taken back (-1) or stand (1)."""
    return rows.select(
        (pl.col(name) * sign if name == "amount" else pl.lit(None) if name == "last_start"
         else pl.col(name)).cast(kind).alias(name)
        for name, kind in DRAWN.items()
    )  # fmt: skip


def write_drawn(batch_id: int, parts: Sequence[pl.DataFrame]) -> None:
    """Write DRAWN rows of a batch, summed up."""
    key = [name for name in DRAWN if name not in ("amount", "last_start")]
    rows = pl.concat([pl.DataFrame(schema=DRAWN), *parts]).group_by(key).agg(
        pl.col("amount").sum(), pl.col("last_start").max()
    ).filter((pl.col("amount") != 0) | pl.col("last_start").is_not_null())  # fmt: skip
    batch = pl.lit(batch_id, pl.Int64).alias("batch_id")
    write_frame("usage_drawn", rows.select(batch, *DRAWN).sort(key))
