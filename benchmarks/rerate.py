"""Re-rating: the calls of `rate.py`, loaded, then rated anew after their tariff was corrected.

Every record changes: its price rises, so all of it is read, guided, rated, compared, written and
registered again, as one batch that supersedes the other. `--unchanged`: nothing has changed, and
nothing is written. The limit is the time that DuckDB needs to scan the file that was loaded and to
sum a column. `--profile mixed`: a third of the customers draw on an allowance.
"""

from __future__ import annotations

import argparse
from datetime import date
from decimal import Decimal
from pathlib import Path

import measure
import polars as pl
from rate import options, prepare, scanned


def correct_deck(path: Path) -> None:
    """Every price is a tenth higher."""
    deck = pl.read_csv(path, infer_schema=False)
    raised = [
        (pl.col(name).cast(pl.Decimal(20, 6)) * Decimal("1.1")).cast(pl.String).alias(name)
        for name in ("step1_price", "step2_price")
    ]
    deck.with_columns(raised).write_csv(path)


def main() -> None:
    """Generate, load, correct, measure, print."""
    parser = options(argparse.ArgumentParser(description=__doc__))
    parser.add_argument("--unchanged", action="store_true")
    asked = parser.parse_args()
    seconds: dict[str, float] = {}
    with measure.scratch() as home:
        from meterline.catalog import files as catalogues
        from meterline.catalog import services as catalog
        from meterline.usage import services as usage
        from meterline.usage.parts import Selection
        from meterline.usage.rework import rework

        folder = Path(home)
        calls = prepare(folder, asked)
        batch = usage.load_file(calls)
        with measure.timed(seconds, "limit"):
            scanned(calls)
        if not asked.unchanged:
            correct_deck(folder / "deck.csv")
            corrected = catalogues.parse(folder / "catalogue.yaml")
            catalog.apply(corrected, effective=date(2026, 9, 1))
        with measure.timed(seconds, "rerate"):
            outcome = rework(Selection(batch_id=batch.pk))
        assert outcome.records == batch.rated
        assert (outcome.changed == 0) == asked.unchanged
        name = "rerate" if asked.profile == "plain" else f"rerate {asked.profile}"
        name += " unchanged" if asked.unchanged else ""
        measure.report(name, batch.rated, seconds["rerate"], seconds["limit"])


if __name__ == "__main__":
    main()
