"""How each line of a document came to its amount. Pure; evaluating the arithmetic gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from meterline import pricing
from meterline.invoices.document import covered, metered
from meterline.kernel.explain import Explanation, evaluate, number
from meterline.pricing.price import Price


def explain_line(line: Mapping[str, Any], price: Price | None, decimals: int) -> Explanation:
    """`line`: name, kind, amount, inputs (as billing keeps them with the line); `price`: of the
    line, None where it has none (a minimum)."""
    inputs = line["inputs"] or {}
    if "credit_of" in inputs:
        return _credit(line, inputs, decimals)
    if "before" in inputs and len(inputs) == 1:
        taken = number(-Decimal(inputs["before"]))
        return _made("what was billed before comes back: nothing is due here any more", taken)
    if "early_fee" in inputs:
        return _with_before(_early_fee(line, inputs), inputs)
    if line["kind"] == "minimum":
        return _with_before(_minimum(inputs), inputs)
    if line["kind"] == "commitment":
        return _with_before(_commitment(line, inputs), inputs)
    if line["kind"] == "discount":
        return _with_before(_discount(line, inputs, decimals), inputs)
    if line["kind"] == "adjustment" or price is None:
        of = f" of what {inputs['invoice']} billed" if "invoice" in inputs else ""
        return _made(f"{line['name']}: credit{of}, granted by hand", number(line["amount"]))
    made = _with_allowances(pricing.explain(price, inputs), inputs)
    told = replace(made, rule="; ".join([made.rule, *map(str, metered(inputs))]))
    return _with_before(_part_of(told, inputs, decimals), inputs)


def _with_allowances(made: Explanation, inputs: Mapping[str, Any]) -> Explanation:
    """What allowances covered beside the quantity that is charged: "3600 of 4000 by minutes"."""
    found = covered(inputs)
    units = sum((one.amount for one in found if not one.money), Fraction(0))
    whole = number(units + sum(Fraction(row["quantity"]) for row in inputs.get("rows") or ()))
    told = [
        f"{number(one.amount)} paid by {one.allowance}" if one.money
        else f"{number(one.amount)} of {whole} by {one.allowance}"
        for one in found
    ]  # fmt: skip
    return replace(made, rule="; ".join([made.rule, *told]))


def _credit(line: Mapping[str, Any], inputs: Mapping[str, Any], decimals: int) -> Explanation:
    whole, left = _plain(inputs["credit_of"]), _plain(inputs["left"])
    rounded = f"round({whole} * {inputs['share']}, {decimals}, {inputs['rounding']})"
    # never more than what is left of the charge; a discount is charged, and left, below zero
    bound = "max" if whole.startswith("-") else "min"
    unused = "all" if inputs["share"] == "1/1" else inputs["share"]
    return _made(
        f"{line['name']}: {unused} of {whole}, billed before, is not used",
        f"-{bound}({rounded}, {left})",
    )


def _minimum(inputs: Mapping[str, Any]) -> Explanation:
    minimum, counted = _plain(inputs["minimum"]), _plain(inputs["counted"])
    least = f"round({minimum} * {inputs['share']}, {inputs['decimals']}, {inputs['rounding']})"
    rule = f"minimum {minimum}, less the {counted} that count towards it"
    return _made(rule, f"{least} - {_bracketed(counted)}")


def _early_fee(line: Mapping[str, Any], inputs: Mapping[str, Any]) -> Explanation:
    fee, decimals, mode = _plain(inputs["early_fee"]), inputs["decimals"], inputs["rounding"]
    until = f"{line['name']}: the term runs until {inputs['until']}"
    match inputs["of"]:
        case "per_month":
            months = inputs["months"]
            return _made(
                f"{until}; {fee} for each of {months} started months",
                f"round({fee} * {months}, {decimals}, {mode})",
            )
        case "percent":
            left = _plain(inputs["left"])
            return _made(
                f"{until}; {fee} % of the {left} that its recurring prices would have come to",
                f"round({left} * {fee} / 100, {decimals}, {mode})",
            )
    return _made(until, f"round({fee}, {decimals}, {mode})")


def _commitment(line: Mapping[str, Any], inputs: Mapping[str, Any]) -> Explanation:
    committed, used, price = (_plain(inputs[name]) for name in ("committed", "used", "unit_amount"))
    lack = f"({committed} * {inputs['share']} - {used}) * {price}"
    return _made(
        f"{line['name']}: {used} of {committed} were used, each that is missing costs {price}",
        f"round({lack}, {inputs['decimals']}, {inputs['rounding']})",
    )


def _discount(line: Mapping[str, Any], inputs: Mapping[str, Any], decimals: int) -> Explanation:
    if inputs.get("percent") is None or "together" in inputs:
        return _shared_discount(line, inputs)
    percent, target = _plain(inputs["percent"]), _plain(inputs["target"])
    rounded = f"round({target} * {percent} / 100, {inputs['decimals']}, {inputs['rounding']})"
    left = _plain(inputs.get("left", inputs["target"]))
    taken = f"-{rounded}" if left == target else f"-min({rounded}, {left})"
    return _part_of(_made(f"{line['name']}: {percent} % off", taken), inputs, decimals)


def _shared_discount(line: Mapping[str, Any], inputs: Mapping[str, Any]) -> Explanation:
    """It is split over all lines it applies to, which one line does not know of."""
    if inputs.get("percent") is None:
        of = f"a discount of {_plain(inputs['fixed'])}"
    else:
        of = f"{_plain(inputs['percent'])} % off"
    if inputs.get("share", "1/1") != "1/1":
        of = f"{of} for {inputs['share']} of the period"
    if "together" in inputs:
        of = f"{of} {_plain(inputs['together'])}, which comes to {_plain(inputs['whole'])}"
    rule = f"{line['name']}: its part of {of}"
    if "part" in inputs:
        rule = f"{rule}; {inputs['part']} of it, the rest was billed before"
    taken = Decimal(line["amount"]) + Decimal(inputs.get("before", 0))
    return _made(rule, number(taken))


def _part_of(whole: Explanation, inputs: Mapping[str, Any], decimals: int) -> Explanation:
    """The part of a line that was not billed before."""
    part = inputs.get("part")
    if part is None:
        return whole
    rounding = inputs.get("rounding", "half_up")
    return _made(
        f"{whole.rule}; {part} of it, the rest was billed before",
        f"round({whole.expression} * {part}, {decimals}, {rounding})",
        whole,
    )


def _with_before(now: Explanation, inputs: Mapping[str, Any]) -> Explanation:
    """A correction: what it comes to now, less what was billed."""
    if "before" not in inputs:
        return now
    before = _plain(inputs["before"])
    return _made(
        f"{now.rule}; less {before}, billed before",
        f"{now.expression} - {_bracketed(before)}",
        now,
    )


def _plain(text: str) -> str:
    """An amount of the inputs without the zeros that it is kept with."""
    return number(Decimal(text))


def _bracketed(amount: str) -> str:
    return f"({amount})" if amount.startswith("-") else amount


def _made(rule: str, expression: str, *parts: Explanation) -> Explanation:
    value = evaluate(expression)
    amount = Decimal(value.numerator) / Decimal(value.denominator)
    return Explanation(rule=rule, expression=expression, amount=amount, parts=parts)
