"""Rating of one event, bill runs, previews and credit notes."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

from meterline.billing import services as billing
from meterline.catalog import services as catalog
from meterline.invoices.adjust import adjust
from meterline.platform import clock
from meterline.rating.event import rate_enquiry
from meterline.scenario.made import issued, previewed
from meterline.scenario.picture import MadeInvoice, compare, money
from meterline.scenario.play.registry import play
from meterline.scenario.steps import Adjust, Bill, Rate
from meterline.scenario.values import instant
from meterline.scenario.world import World
from meterline.usage import waiting


@play.register
def _(step: Bill, world: World) -> None:
    made: list[MadeInvoice] = []
    for until, codes in _groups(step, world):
        world.move(until if step.until is None else clock.now())
        if step.preview:
            waiting.recycle_owned()  # as the worker does each minute
            for code in codes:
                documents = billing.preview(
                    world.accounts[code], until, progressive=step.progressive
                )
                made += previewed(documents)
        else:
            report = billing.run(
                until, account_codes=codes, workers=1, progressive=step.progressive
            )
            made += issued(report.invoice_ids)
    if step.expect is not None:
        zones = {code: world.zone(code) for code in world.accounts}
        texts, names = compare(step.expect, made, zones)
        world.invoices |= names
        for text in texts:
            world.differs(text)


def _groups(step: Bill, world: World) -> list[tuple[datetime, list[str]]]:
    """Instants to bill until, each with its accounts: a bare date has a midnight in each zone."""
    groups: dict[datetime, list[str]] = {}
    for code in step.accounts or world.accounts:
        moment = step.until or step.at
        until = clock.now() if moment is None else instant(moment, world.zone(code))
        if step.until is None:
            until = max(until, clock.now())
        groups.setdefault(until, []).append(code)
    return sorted(groups.items())


@play.register
def _(step: Rate, world: World) -> None:
    start = world.instant(step.start, world.zone(None))
    answer = rate_enquiry(
        catalog.tariff(), step.properties, start=start, card=step.card, plan=step.plan,
        price=step.price,
    )  # fmt: skip
    expected = step.expect
    same = (
        answer.reject == expected.reject
        if expected.amount is None
        else answer.amount == Fraction(expected.amount)
    )
    if not same:
        wanted = expected.reject or f"{expected.amount:f}"
        world.differs(f"expected {wanted}, rated as {answer.reject or answer.amount}")


@play.register
def _(step: Adjust, world: World) -> None:
    begin = step.line.from_
    zone = world.zone(step.account)
    made = adjust(
        world.accounts[step.account],
        price=step.line.price,
        from_=None if begin is None else instant(begin, zone),
        amount=step.amount,
        at=clock.now(),
    )
    for figure in ("net", "tax", "total"):
        wanted = getattr(step.expect, figure) if step.expect else None
        got = getattr(made, figure)
        if wanted is not None and wanted != got:
            world.differs(f"{figure} expected {wanted:f}, made {money(got)}")
