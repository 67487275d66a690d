"""Odd catalogues are refused with file, line and field, or bill as any other does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, note
from hypothesis import strategies as st
from properties.odd import odd
from properties.play import as_file, check_explanations, played, random_stories
from properties.stories import stories

from meterline.billing import services as billing
from meterline.catalog.errors import CatalogInvalid
from meterline.catalog.files import parse

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@random_stories
@given(data=st.data())
def test_an_odd_catalogue_is_refused_by_field_or_bills(
    home: Path, tmp_path: Path, data: st.DataObject
) -> None:
    catalog = data.draw(odd())
    file = tmp_path / "odd.yaml"
    file.write_text(as_file({**catalog, "steps": []}).removesuffix("steps:"))
    note(file.read_text())
    try:
        parse(file)
    except CatalogInvalid as error:
        assert error.problems
        for problem in error.problems:
            assert re.match(rf"{re.escape(str(file))}:\d+: \S+: .+", str(problem)), problem
        event("refused")
        return
    event("billed")
    story = data.draw(stories(catalog=catalog))

    def again(*_: Any) -> None:
        assert billing.run(workers=1).invoice_ids == []

    with played(story.document("odd"), after=again):
        check_explanations()
