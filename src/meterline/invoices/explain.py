"""How each line of a document came to its amount. Pure; evaluating the arithmetic gives it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from meterline import pricing
from meterline.kernel.explain import Explanation, evaluate, number
from meterline.pricing.price import Price


def explain_line(line: Mapping[str, Any], price: Price | None, decimals: int) -> Explanation:
    """`line`: name, kind, amount, inputs (as billing keeps them with the line); `price`: of the
    line, None where it has none (a minimum)."""
    inputs = line["inputs"] or {}
    if "credit_of" in inputs:
        return _credit(line, inputs, decimals)
    if "before" in inputs and len(inputs) == 1:
        taken = _negative(inputs["before"])
        return _made("what was billed before comes back: nothing is due here any more", taken)
    if line["kind"] == "minimum":
        return _with_before(_minimum(inputs), inputs)
    if line["kind"] == "discount":
        return _with_before(_part_of(_discount(line, inputs), inputs, decimals), inputs)
    if line["kind"] == "adjustment" or price is None:
        return _made(f"{line['name']}: granted by hand", number(line["amount"]))
    return _with_before(_part_of(pricing.explain(price, inputs), inputs, decimals), inputs)


def _credit(line: Mapping[str, Any], inputs: Mapping[str, Any], decimals: int) -> Explanation:
    rounded = f"round({inputs['credit_of']} * {inputs['share']}, {decimals}, {inputs['rounding']})"
    # never more than what is left of the charge; a discount is charged, and left, below zero
    bound = "min" if Decimal(inputs["credit_of"]) > 0 else "max"
    return _made(
        f"{line['name']}: {inputs['share']} of {inputs['credit_of']}, billed before, is not used",
        f"-{bound}({rounded}, {inputs['left']})",
    )


def _minimum(inputs: Mapping[str, Any]) -> Explanation:
    least = (
        f"round({inputs['minimum']} * {inputs['share']},"
        f" {inputs['decimals']}, {inputs['rounding']})"
    )
    rule = f"minimum {inputs['minimum']}, less the {inputs['counted']} that count towards it"
    return _made(rule, f"{least} - {inputs['counted']}")


def _discount(line: Mapping[str, Any], inputs: Mapping[str, Any]) -> Explanation:
    if inputs.get("percent") is None:
        share = number(inputs_amount(line, inputs))
        return _made(f"{line['name']}: its part of a discount of {inputs['fixed']}", share)
    rounded = (
        f"round({inputs['target']} * {number(Decimal(inputs['percent']))} / 100,"
        f" {inputs['decimals']}, {inputs['rounding']})"
    )
    return _made(f"{line['name']}: {number(Decimal(inputs['percent']))} % off", f"-{rounded}")


def inputs_amount(line: Mapping[str, Any], inputs: Mapping[str, Any]) -> Decimal:
    """What a fixed discount took from the line before anything was subtracted from it."""
    return Decimal(line["amount"]) + Decimal(inputs.get("before", 0))


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
    before = inputs["before"]
    return _made(
        f"{now.rule}; less {before}, billed before",
        f"{now.expression} - ({before})"
        if before.startswith("-")
        else f"{now.expression} - {before}",
        now,
    )


def _negative(text: str) -> str:
    return text.removeprefix("-") if text.startswith("-") else f"-{text}"


def _made(rule: str, expression: str, *parts: Explanation) -> Explanation:
    value = evaluate(expression)
    amount = Decimal(value.numerator) / Decimal(value.denominator)
    return Explanation(rule=rule, expression=expression, amount=amount, parts=parts)
