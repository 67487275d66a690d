"""Bills reach their customers: once, in their language, and what went wrong is seen."""

from __future__ import annotations

import csv
import io
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

import pytest
from django.core import mail

from meterline.customers import services as customers
from meterline.customers.models import Account, Party
from meterline.invoices import printing, sending
from meterline.invoices.models import Invoice, PrintRun, Sending
from meterline.platform import clock


@pytest.fixture
def sent_story(story: list[str]) -> list[Invoice]:
    """The documents of the story, to be sent by e-mail."""
    account = Account.objects.get(code="A")
    customers.set_delivery(account.pk, "email")
    Party.objects.filter(customer__account=account).update(email="zoe@example.com", language="de")
    found = Invoice.objects.filter(account=account)
    sending.ask(found)
    return list(found.order_by("pk"))


class Script(ThreadingTCPServer):
    """A mail server that answers as it is told: what it says after each command."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, **answers: bytes | None) -> None:
        super().__init__(("127.0.0.1", 0), Talk)
        self.answers = answers
        self.got: list[bytes] = []


class Talk(StreamRequestHandler):
    """One conversation (RFC 5321), as far as it is needed."""

    server: Script

    def handle(self) -> None:
        self._say(b"220 ready")
        while line := self.rfile.readline():
            verb = line.split()[0].decode().lower() if line.split() else ""
            if verb == "data":
                self._say(b"354 go on")
                self._take()
                answer = self.server.answers.get("data", b"250 taken")
            else:
                answer = self.server.answers.get(verb, b"250 fine")
            if answer is None:
                return
            self._say(answer)
            if verb == "quit":
                return

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        self.server.got.append(b"".join(lines))

    def _say(self, text: bytes) -> None:
        self.wfile.write(text + b"\r\n")


@pytest.fixture
def server(settings: Any) -> Iterator[Callable[..., Script]]:
    """Starts a mail server, to which the product then speaks."""
    started: list[Script] = []

    def start(**answers: bytes | None) -> Script:
        made = Script(**answers)
        threading.Thread(target=made.serve_forever, daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = made.server_address[:2]
        settings.EMAIL_USE_TLS = False
        started.append(made)
        return made

    yield start
    for one in started:
        one.shutdown()
        one.server_close()


def states() -> list[tuple[str, str, int]]:
    rows = Sending.objects.filter(channel="email").order_by("pk")
    return list(rows.values_list("state", "problem", "attempts"))


def test_a_bill_says_what_is_to_pay_and_why_in_the_customers_language(
    sent_story: list[Invoice],
) -> None:
    done = sending.send_waiting()
    assert (done.sent, done.failed) == (len(sent_story), 0)
    message: Any = mail.outbox[2]
    assert message.to == ["zoe@example.com"]
    assert message.subject == "Rechnung 2024/A-00000003 von Aria & Söhne S.p.A."
    assert message.from_email.startswith("=?utf-8?") or "Aria & Söhne" in message.from_email
    assert message.reply_to == ["billing@aria.example"]
    page, _kind = message.alternatives[0]
    for text in (message.body, page):
        for said in ("139,96\xa0€", "15.05.2024", "Via della Torre 12", "IT01234567897",
                     "Von der letzten Rechnung zu dieser", "/portal/bills/"):  # fmt: skip
            assert said in text, said
    assert "<Müller>" in message.body
    assert "&lt;Müller&gt;" in page
    name, content, kind = message.attachments[0]
    assert (name, kind) == ("2024-A-00000003.pdf", "application/pdf")
    assert content.startswith(b"%PDF")
    assert mail.outbox[3].subject.startswith("Gutschrift")


def test_each_goes_once(sent_story: list[Invoice]) -> None:
    sending.send_waiting()
    count = len(mail.outbox)
    assert sending.send_waiting().sent == 0
    assert len(mail.outbox) == count == len(sent_story)
    assert sending.ask(Invoice.objects.filter(pk=sent_story[0].pk)) == 1
    assert sending.ask(Invoice.objects.filter(pk=sent_story[0].pk)) == 0  # it is on its way
    assert sending.send_waiting().sent == 1
    ids = {one.extra_headers["Message-ID"] for one in mail.outbox}
    assert len(ids) == count + 1


@pytest.mark.parametrize(("address", "problem"), [("", "no_address"), ("no where", "bad_address")])
def test_without_an_address_nothing_is_sent(
    sent_story: list[Invoice], address: str, problem: str
) -> None:
    Party.objects.update(email=address)
    assert sending.send_waiting().failed == len(sent_story)
    assert set(states()) == {("failed", problem, 1)}
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("answers", "state", "problem"),
    [
        ({}, "sent", ""),
        ({"rcpt": b"450 later"}, "waiting", "refused"),
        ({"rcpt": b"550 nobody"}, "failed", "refused"),
        ({"mail": b"452 full"}, "waiting", "refused"),
        ({"data": b"554 spam"}, "failed", "refused"),
        ({"data": None}, "unknown", "no_answer"),
    ],
)
def test_what_a_mail_server_may_answer(
    sent_story: list[Invoice], server: Callable[..., Script], answers: dict[str, bytes | None],
    state: str, problem: str,
) -> None:  # fmt: skip
    Sending.objects.exclude(invoice=sent_story[2]).delete()
    made = server(**answers)
    sending.send_waiting()
    assert states() == [(state, problem, 1)]
    if state == "sent":
        (got,) = map(message_from_bytes, made.got)
        assert "zoe@example.com" in got["To"]
        kinds = [part.get_content_type() for part in got.walk()]
        assert {"text/plain", "text/html", "application/pdf"} <= set(kinds)


def test_no_server_is_tried_again_and_given_up_after_a_day(
    sent_story: list[Invoice], settings: Any
) -> None:
    with socket.socket() as held:  # a port at which nobody listens
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", port, False
    Sending.objects.exclude(invoice=sent_story[2]).delete()
    for attempt in range(1, len(sending.WAITS_MINUTES) + 1):
        assert sending.send_waiting().later == 1
        assert states() == [("waiting", "no_server", attempt)]
        assert sending.send_waiting().later == 0  # not before its time
        clock.move_to(Sending.objects.get().due_at + timedelta(seconds=1))
    assert sending.send_waiting().failed == 1
    assert states() == [("failed", "no_server", len(sending.WAITS_MINUTES) + 1)]


def test_what_nobody_is_at_is_unknown_and_not_sent_again(sent_story: list[Invoice]) -> None:
    one = Sending.objects.order_by("pk").first()
    assert one is not None
    sending._claimed(one.pk)  # and then the process died
    done = sending.send_waiting()
    assert (done.unknown, done.sent) == (1, len(sent_story) - 1)
    one.refresh_from_db()
    assert (one.state, one.problem) == ("unknown", "interrupted")


def test_bills_are_issued_with_their_sending(story: list[str]) -> None:
    """What a bill run issues is on its way in the same transaction, as the account wants it."""
    from meterline.billing import services as billing

    assert not Sending.objects.exists()
    account = Account.objects.get(code="A")
    for wish, count in (("email", 1), ("post", 1), ("portal", 0)):
        customers.set_delivery(account.pk, wish)
        before, now = Invoice.objects.count(), clock.now()
        clock.move_to(now + timedelta(days=31))
        billing.run(workers=1)
        made = Invoice.objects.order_by("-pk")[: Invoice.objects.count() - before]
        assert len(made) > 0
        found = Sending.objects.filter(invoice__in=[one.pk for one in made], channel=wish)
        assert found.count() == count * len(made)


def test_paper_is_a_zip_for_the_print_shop(sent_story: list[Invoice], home: Path) -> None:
    assert printing.plan() is None
    sending.ask(Invoice.objects.filter(pk__in=[sent_story[0].pk, sent_story[2].pk]), "post")
    run = printing.plan()
    assert run is not None
    assert printing.plan() is None  # they are in that one
    assert printing.unfinished() == [run.pk]
    path = printing.write(run.pk)
    assert printing.write(run.pk) == path  # once more does no harm
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        rows = list(csv.DictReader(io.StringIO(archive.read("index.csv").decode())))
        assert archive.read(names[0]).startswith(b"%PDF")
    assert names == ["2024-A-00000001.pdf", "2024-A-00000003.pdf", "index.csv"]
    assert rows[1]["name"] == "Zoë <Müller>"
    assert rows[1]["address"] == "Lindenstraße 7, 10969 Berlin"
    assert set(Sending.objects.filter(channel="post").values_list("state", flat=True)) == {"sent"}
    assert PrintRun.objects.get().finished_at is not None
