"""Virtual registers: sums and differences of others, and net metering."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from meterline.customers import validate
from meterline.platform import audit
from meterline.reads.errors import InvalidVirtual
from meterline.reads.follow import Followed, follow
from meterline.reads.models import Term, Virtual
from meterline.usage.load import lock_loading

Part = tuple[int, str, str]  # sign, place of supply, code of its registers


@transaction.atomic
def set_virtual(
    code: str, identifier: str, parts: Sequence[Part], *, usage_meter: str, surplus_meter: str = ""
) -> Followed:
    """Make a virtual register at a place of supply, or change it; usage follows.

    Raises InvalidVirtual.
    """
    lock_loading()
    validate.code(code)
    if not parts or len({part[1:] for part in parts}) < len(parts):
        raise InvalidVirtual(code=code, why="expected one part at least, and none twice")
    if not usage_meter:
        raise InvalidVirtual(code=code, why="expected the meter that it is usage of")
    before = Virtual.objects.filter(code=code).first()
    virtual, _made = Virtual.objects.update_or_create(
        code=code,
        defaults={"identifier": validate.word(identifier), "usage_meter": usage_meter,
                  "surplus_meter": surplus_meter},
    )  # fmt: skip
    Term.objects.filter(virtual=virtual).delete()
    Term.objects.bulk_create(
        [Term(virtual=virtual, identifier=place, code=register, sign=sign)
         for sign, place, register in parts]
    )  # fmt: skip
    audit.record("reads.virtual", f"virtual:{code}", after={
        "identifier": identifier, "usage_meter": usage_meter, "surplus_meter": surplus_meter,
        "parts": [f"{'+' if sign > 0 else '-'}{place}/{register}"
                  for sign, place, register in parts],
    })  # fmt: skip
    return follow({identifier, before.identifier if before else identifier})
