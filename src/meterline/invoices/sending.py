"""Sending documents to customers by e-mail: each once, whatever happens on the way.

At most once by itself: that a document is being sent is committed before the mail server is spoken
to, and that it was sent afterwards. Who dies in between leaves `unknown`, which people see and
decide about. What a server surely did not take is tried again, later and later.
"""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.validators import validate_email
from django.db import connection, transaction
from django.db.models import QuerySet, Sum

from meterline.invoices.letter import letter
from meterline.invoices.models import Invoice, Sending
from meterline.platform import audit, clock, events

WAITS_MINUTES: Final = (1, 5, 15, 60, 240, 720)
"""Before the next attempt, after the first, the second, ...; then it has failed."""

UNDER_WAY: Final = ("waiting", "sending")
_LOCKS = 7206301  # advisory locks: whoever is sending a document holds the one of its sending


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What a round of sending came to."""

    sent: int = 0
    failed: int = 0
    later: int = 0  # will be tried again
    unknown: int = 0


@dataclass(frozen=True)
class _Outcome:
    state: str
    problem: str = ""
    answer: str = ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What sending documents would come to."""

    documents: int
    under_way: int
    sent_before: int
    without_address: int
    totals: list[tuple[str, Decimal]]  # by currency


def plan(invoices: QuerySet[Invoice], channel: str = "email") -> Plan:
    """What `ask` would send."""
    chosen = _not_under_way(invoices, channel)
    sums = chosen.order_by().values("currency").annotate(sum=Sum("total")).order_by("currency")
    before = Sending.objects.filter(channel=channel, state__in=("sent", "unknown"))
    count = chosen.count()
    return Plan(
        documents=count, under_way=invoices.count() - count,
        sent_before=chosen.filter(pk__in=before.values("invoice_id")).count(),
        without_address=chosen.filter(account__customer__party__email="").count(),
        totals=[(row["currency"], row["sum"]) for row in sums],
    )  # fmt: skip


@transaction.atomic
def ask(invoices: QuerySet[Invoice], channel: str = "email") -> int:
    """Send documents (again); those that are under way are left as they are. How many."""
    now = clock.now()
    ids = list(_not_under_way(invoices, channel).order_by("pk").values_list("pk", flat=True))
    Sending.objects.bulk_create(
        [Sending(invoice_id=pk, channel=channel, due_at=now, asked_by=audit.actor(), asked_at=now)
         for pk in ids],
        ignore_conflicts=True, batch_size=5_000,
    )  # fmt: skip
    if ids:
        subject = f"invoice:{ids[0]}" if len(ids) == 1 else "invoices"
        audit.record("invoice.send", subject, after={"documents": len(ids), "channel": channel})
    return len(ids)


def _not_under_way(invoices: QuerySet[Invoice], channel: str) -> QuerySet[Invoice]:
    under_way = Sending.objects.filter(channel=channel, state__in=UNDER_WAY)
    return invoices.exclude(pk__in=under_way.values("invoice_id"))


def waiting(channel: str = "email") -> QuerySet[Sending]:
    """What would be sent now."""
    due = Sending.objects.filter(channel=channel, state="waiting", due_at__lte=clock.now())
    return due.order_by("due_at", "pk")


def send_waiting(limit: int = 1_000) -> Sent:
    """Send what waits, at most so many; first say of what nobody is at any more that it is
    unknown."""
    unknown = _abandoned()
    counts = {"sent": 0, "failed": 0, "waiting": 0, "unknown": unknown}
    mailer = _Mailer()
    try:
        for pk in list(waiting().values_list("pk", flat=True)[:limit]):
            with _held(pk) as mine:
                one = _claimed(pk) if mine else None
                if one is not None:
                    outcome = _sent(one, mailer)
                    _settle(one, outcome)
                    counts[one.state] += 1
    finally:
        mailer.close()
    return Sent(sent=counts["sent"], failed=counts["failed"], later=counts["waiting"],
                unknown=counts["unknown"])  # fmt: skip


@contextmanager
def _held(pk: int) -> Iterator[bool]:
    """Hold the lock of a sending; False where somebody else does. The database lets go of it when
    the process dies."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCKS, pk % 2**31])
        (mine,) = cursor.fetchone()
    try:
        yield bool(mine)
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCKS, pk % 2**31])


def _abandoned() -> int:
    """Sendings that somebody began and nobody is at: whether they went is unknown."""
    count = 0
    for pk in Sending.objects.filter(channel="email", state="sending").values_list("pk", flat=True):
        with _held(pk) as mine:
            if mine:
                count += Sending.objects.filter(pk=pk, state="sending").update(
                    state="unknown", problem="interrupted", done_at=clock.now()
                )
    return count


@transaction.atomic
def _claimed(pk: int) -> Sending | None:
    """Commit that it is being sent, and where to; None where that was done by somebody else."""
    found = Sending.objects.select_for_update(of=("self",)).filter(pk=pk, state="waiting").first()
    if found is None:
        return None
    found.state, found.attempts = "sending", found.attempts + 1
    found.address = found.invoice.account.customer.party.email
    found.save(update_fields=["state", "attempts", "address"])
    return found


def _sent(one: Sending, mailer: _Mailer) -> _Outcome:
    if not one.address:
        return _Outcome("failed", "no_address")
    try:
        validate_email(one.address)
    except ValidationError:
        return _Outcome("failed", "bad_address")
    return mailer.deliver(letter(one))


@transaction.atomic
def _settle(one: Sending, outcome: _Outcome) -> None:
    """Keep what came of an attempt."""
    one.state, one.problem, one.answer = outcome.state, outcome.problem, outcome.answer[:2_000]
    if one.state == "waiting":
        if one.attempts > len(WAITS_MINUTES):
            one.state = "failed"
        else:
            minutes = WAITS_MINUTES[one.attempts - 1]
            one.due_at = clock.now() + timedelta(minutes=minutes)
    if one.state != "waiting":
        one.done_at = clock.now()
    one.save(update_fields=["state", "problem", "answer", "due_at", "done_at"])
    if one.state in ("sent", "failed", "unknown"):
        about = {"number": one.invoice.number, "channel": one.channel, "address": one.address}
        events.emit(f"invoice.{one.state}", f"invoice:{one.invoice_id}", about)


class _Mailer:
    """The way to the mail server: opened when it is first needed, kept for the next message."""

    def __init__(self) -> None:
        self._open: Any = None

    def deliver(self, message: EmailMultiAlternatives) -> _Outcome:
        """Hand a message over, and tell what is known of it then."""
        try:
            channel = self._channel()
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            return _Outcome("waiting", "no_server", str(error))
        try:
            channel.send_messages([message])
        except smtplib.SMTPRecipientsRefused as error:
            self.close()
            return _refused(error)
        except smtplib.SMTPResponseException as error:
            self.close()
            return _answered(error.smtp_code, error)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            return _Outcome("unknown", "no_answer", str(error))
        return _Outcome("sent")

    def close(self) -> None:
        """Hang up."""
        if self._open is not None:
            held, self._open = self._open, None
            held.close()

    def _channel(self) -> Any:
        if not settings.EMAIL_HOST:
            return get_connection()  # a file for each message
        if self._open is None:
            self._open = get_connection()
            self._open.open()
        return self._open


def _refused(error: smtplib.SMTPRecipientsRefused) -> _Outcome:
    codes = [code for code, _text in error.recipients.values()]
    return _answered(max(codes), error)


def _answered(code: int, error: smtplib.SMTPException) -> _Outcome:
    """RFC 5321, 4.2.1: 4yz may go well later, 5yz will not."""
    return _Outcome("failed" if code >= 500 else "waiting", "refused", str(error))
