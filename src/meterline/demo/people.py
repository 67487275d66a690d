"""Names and addresses of people and companies that do not exist."""

from __future__ import annotations

import numpy as np
import polars as pl

_FIRST = {
    "IT": "Giulia Marco Sara Luca Elena Paolo Chiara Davide Anna Matteo Irene Franco Laura Pietro",
    "AU": "Olivia Jack Charlotte Noah Ruby Liam Matilda Cooper Isla Lachlan Grace Hamish Zoe Riley",
    "US": "Ava Mason Harper Logan Nora Ethan Maya Caleb Ruth Owen Leah Isaac June Wyatt",
}
_LAST = {
    "IT": "Ferri Gallo Conti Marini Rinaldi Serra Villa Bruno Fontana Monti Greco Leone Basile",
    "AU": "Walsh Nguyen Taylor Kelly Singh Harris Doyle Chen Murphy Reid Barker Lawson Pham",
    "US": "Brooks Rivera Hughes Patel Foster Kim Morgan Diaz Sutton Price Hayes Bennett Cole",
}
_STREET = {
    "IT": "Via Garibaldi|Corso Italia|Via dei Mille|Viale Europa|Via Verdi|Piazza Mazzini",
    "AU": "Wattle Street|Harbour Road|Eucalypt Avenue|King Street|Station Lane|Beach Road",
    "US": "Maple Avenue|Court Street|Lakeview Drive|Second Avenue|Mill Road|Union Street",
}
_TOWN = {
    "IT": "20121 Milano|00184 Roma|10122 Torino|40121 Bologna|80133 Napoli|50122 Firenze",
    "AU": "Sydney NSW 2000|Newcastle NSW 2300|Wollongong NSW 2500|Dubbo NSW 2830|Orange NSW 2800",
    "US": "New York NY 10001|Albany NY 12207|Seattle WA 98101|Tacoma WA 98402|Portland OR 97204",
}
_TRADE = "Analytics Robotics Studio Labs Logistics Health Foods Media Works Capital Design Systems"
_STEM = (
    "Northwind Bluefin Larkspur Copper Juniper Halcyon Marlin Sable Orchard Beacon Tundra Vesper"
)


def people(chance: np.random.Generator, country: str, count: int) -> pl.DataFrame:
    """`count` private customers: name, address (lines separated by a newline), email, kind."""
    first = _pick(chance, _FIRST[country].split(), count)
    last = _pick(chance, _LAST[country].split(), count)
    frame = pl.DataFrame({"first": first, "last": last, "number": np.arange(1, count + 1)})
    return frame.select(
        pl.format("{} {}", "first", "last").alias("name"),
        pl.Series("address", _addresses(chance, country, count)),
        pl.format(
            "{}.{}.{}@example.com",
            pl.col("first").str.to_lowercase(), pl.col("last").str.to_lowercase(), "number",
        ).alias("email"),
        pl.lit("person").alias("kind"),
    )  # fmt: skip


def companies(chance: np.random.Generator, country: str, count: int) -> pl.DataFrame:
    """`count` business customers, in the shape of `people`."""
    stem = _pick(chance, _STEM.split(), count)
    trade = _pick(chance, _TRADE.split(), count)
    frame = pl.DataFrame({"stem": stem, "trade": trade, "number": np.arange(1, count + 1)})
    return frame.select(
        pl.format("{} {} {}", "stem", "trade", "number").alias("name"),
        pl.Series("address", _addresses(chance, country, count)),
        pl.format("billing@{}{}.example.com", pl.col("stem").str.to_lowercase(), "number").alias(
            "email"
        ),
        pl.lit("organisation").alias("kind"),
    )


def _pick(chance: np.random.Generator, words: list[str], count: int) -> np.ndarray:
    return np.asarray(words)[chance.integers(0, len(words), count)]


def _addresses(chance: np.random.Generator, country: str, count: int) -> list[str]:
    streets = _pick(chance, _STREET[country].split("|"), count)
    towns = _pick(chance, _TOWN[country].split("|"), count)
    numbers = chance.integers(1, 240, count)
    order = "{0} {1}" if country == "IT" else "{1} {0}"
    return [
        order.format(street, number) + "\n" + town
        for street, number, town in zip(streets, numbers, towns, strict=True)
    ]
