"""Explanations: every amount says by which rule and arithmetic it came about.

The arithmetic of an explanation is text that anyone can check with a calculator; `evaluate` does
so exactly, and tests hold every explanation to its amount.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

from meterline.kernel.money import RoundingMode, round_fraction


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """`amount` by `rule` (a sentence), as `expression` works it out; `parts` say where from."""

    rule: str
    expression: str
    amount: Decimal
    parts: tuple[Explanation, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The form in which APIs and pages show it; amounts are texts."""
        return {
            "rule": self.rule,
            "expression": self.expression,
            "amount": str(self.amount),
            "parts": [part.as_dict() for part in self.parts],
        }


class InvalidExpression(ValueError):
    """An expression holds something that is no arithmetic."""


def evaluate(expression: str) -> Fraction:
    """The exact value of + - * / ( ), min, max, ceil, floor and round(x, decimals, mode).

    Numbers are read from their text, never through binary floating point.
    """
    try:
        tree = ast.parse(expression.replace("\N{MULTIPLICATION SIGN}", "*"), mode="eval")
    except SyntaxError as error:
        raise InvalidExpression(expression) from error
    return _value(tree.body, expression)


def _value(node: ast.expr, source: str) -> Fraction:
    match node:
        case ast.Constant():
            return _number(node, source)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, source)
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _value(left, source), _value(right, source)
            match op:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.Div():
                    return a / b
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _call(name, arguments, source)
    raise InvalidExpression(source)


def _number(node: ast.Constant, source: str) -> Fraction:
    text = ast.get_source_segment(source.replace("\N{MULTIPLICATION SIGN}", "*"), node)
    try:
        return Fraction(text or "")
    except ValueError as error:
        raise InvalidExpression(source) from error


def _call(name: str, arguments: Sequence[ast.expr], source: str) -> Fraction:
    if name == "round" and len(arguments) == 3 and isinstance(arguments[2], ast.Name):
        mode: RoundingMode = arguments[2].id  # type: ignore[assignment]
        places = int(_value(arguments[1], source))
        return Fraction(round_fraction(_value(arguments[0], source), places, mode))
    functions: dict[str, Callable[[list[Fraction]], Fraction]] = {
        "min": min,
        "max": max,
        "ceil": lambda values: Fraction(ceil(values[0])),
        "floor": lambda values: Fraction(floor(values[0])),
    }
    if name not in functions or not arguments:
        raise InvalidExpression(source)
    return functions[name]([_value(argument, source) for argument in arguments])


def number(value: Decimal | Fraction | int) -> str:
    """A number as it stands in an expression: plain decimal text, or (a/b)."""
    exact = Fraction(value)
    if exact.denominator == 1:
        return str(exact.numerator)
    twos_and_fives = exact.denominator
    for prime in (2, 5):
        while twos_and_fives % prime == 0:
            twos_and_fives //= prime
    if twos_and_fives != 1:
        return f"({exact.numerator}/{exact.denominator})"
    places = 0
    while (exact * 10**places).denominator != 1:
        places += 1
    return f"{Decimal((exact * 10**places).numerator).scaleb(-places):f}"
