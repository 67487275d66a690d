"""Writing notes, recording interactions, and answering what customers ask."""

from __future__ import annotations

from django.db import transaction

from meterline.care.errors import AnsweredBefore, NoSuchLine
from meterline.care.models import Note, Question
from meterline.customers.errors import InvalidField
from meterline.customers.models import Customer
from meterline.customers.services import customer_by_code
from meterline.invoices.models import Invoice, Line
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
    _check(text)
    note = Note.objects.create(
        customer=about, kind=kind, text=text.strip(), at=clock.now(), author=audit.actor()
    )
    facts = {"note": note.pk, "kind": kind}
    audit.record("customer.note_written", f"customer:{customer}", after=facts)
    events.emit("customer.note_written", f"customer:{customer}", facts)
    return note


@transaction.atomic
def ask(customer: Customer, invoice: Invoice, text: str, *, line: int | None = None) -> Question:
    """Ask about a document of the customer's, or one line of it (its id), in the actor's name.

    Raises InvalidField, NoSuchLine.
    """
    _check(text)
    if line is not None and not Line.objects.filter(pk=line, invoice=invoice).exists():
        raise NoSuchLine(number=invoice.number)
    made = Question.objects.create(
        customer=customer, invoice=invoice, line_id=line, text=text.strip(),
        asked_at=clock.now(), asked_by=audit.actor(),
    )  # fmt: skip
    facts = {"question": made.pk, "invoice": invoice.number, "line": line}
    audit.record("question.asked", f"customer:{customer.code}", after=facts)
    events.emit("question.asked", f"customer:{customer.code}", facts)
    return made


@transaction.atomic
def answer(question: int, text: str) -> Question:
    """Answer a question; the customer reads it in the portal. Raises InvalidField,
    AnsweredBefore."""
    _check(text)
    held = Question.objects.select_for_update(of=("self",)).select_related("customer")
    one = held.get(pk=question)
    if one.answered_at is not None:
        raise AnsweredBefore(by=one.answered_by)
    one.answer, one.answered_at, one.answered_by = text.strip(), clock.now(), audit.actor()
    one.save(update_fields=["answer", "answered_at", "answered_by"])
    facts = {"question": one.pk}
    audit.record("question.answered", f"customer:{one.customer.code}", after=facts)
    events.emit("question.answered", f"customer:{one.customer.code}", facts)
    return one


def _check(text: str) -> None:
    if not text.strip() or len(text) > LONGEST or "\0" in text:
        raise InvalidField(field="text", value=text[:40], expected=f"1 to {LONGEST} characters")
