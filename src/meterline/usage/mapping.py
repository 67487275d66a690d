"""Mapping files: how a file that is not canonical becomes usage records (YAML)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from meterline.catalog.errors import CatalogInvalid
from meterline.catalog.yaml import load_all, read_text
from meterline.usage.errors import UsageFileError


class Mapping(BaseModel):
    """A mapping file. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    columns: dict[str, str] = Field(
        default_factory=dict,
        description="Source column -> id, meter, identifier, subscription, start, end, duration,"
        " quantity, or the name of a property. Columns not named here are left out.",
    )
    constants: dict[str, str] = Field(
        default_factory=dict, description="Fields that are the same for every row, such as meter."
    )
    timezone: str | None = Field(
        None, description="Zone of stamps without an offset; default: the subscription's."
    )
    factor: str | None = Field(None, description="What quantities are multiplied by.")
    empty: Literal["reject", "skip"] = Field(
        "reject", description="What becomes of rows whose quantity is empty or NaN."
    )
    header: list[str] | None = Field(None, description="The columns of a file without header.")
    first: str | None = Field(None, description="Start of the first row, if rows have none.")
    every: int | None = Field(None, gt=0, description="Seconds from one row's start to the next.")
    meters: dict[str, str] = Field(
        default_factory=dict, description="NEM12 and NEM13: NMI suffix -> meter."
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in available_timezones():
            raise ValueError(f"expected a time zone such as Europe/London, not {zone}")
        return zone


def read_mapping(path: Path) -> Mapping:
    """The mapping of a file. Raises UsageFileError that tells all that is wrong with it."""
    path = Path(path)
    try:
        documents = load_all(read_text(path), path.name)
    except CatalogInvalid as error:
        raise UsageFileError(file=path.name, why=error.message) from error
    if len(documents) != 1 or not isinstance(documents[0].data, dict):
        raise UsageFileError(file=path.name, why="expected one YAML document of keys and values")
    try:
        return Mapping.model_validate(documents[0].data)
    except ValidationError as error:
        faults = [
            f"line {documents[0].lines.get(fault['loc'], 1)}:"
            f" {'.'.join(map(str, fault['loc']))}: {fault['msg']}"
            for fault in error.errors()
        ]
        raise UsageFileError(file=path.name, why="; ".join(faults)) from error
