"""Writing notes and recording interactions."""

from __future__ import annotations

from django.db import transaction

from meterline.care.models import Note
from meterline.customers.errors import InvalidField
from meterline.customers.services import customer_by_code
from meterline.platform import audit, clock, events

KINDS = ("note", "call", "email", "letter", "visit")
LONGEST = 5000


@transaction.atomic
def write(customer: str, text: str, *, kind: str = "note") -> Note:
    """Write a note about a customer (its code), in the name of the actor.

    Raises UnknownCustomer, InvalidField.
    """
    about = customer_by_code(customer)
    if kind not in KINDS:
        raise InvalidField(field="kind", value=kind, expected=" or ".join(KINDS))
    if not text.strip() or len(text) > LONGEST or "\0" in text:
        raise InvalidField(field="text", value=text[:40], expected=f"1 to {LONGEST} characters")
    note = Note.objects.create(
        customer=about, kind=kind, text=text.strip(), at=clock.now(), author=audit.actor()
    )
    facts = {"note": note.pk, "kind": kind}
    audit.record("customer.note_written", f"customer:{customer}", after=facts)
    events.emit("customer.note_written", f"customer:{customer}", facts)
    return note
