"""The e-mail that brings a document: what is to pay and why, in the customer's language, with the
PDF."""

from __future__ import annotations

from email.utils import formataddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import override

from meterline.invoices import reading, reports
from meterline.invoices.against import causes
from meterline.invoices.document import InvoiceDocument
from meterline.invoices.formats import document_format
from meterline.invoices.models import Invoice, Sending
from meterline.invoices.spoken import language_of, spoken
from meterline.invoices.texts import amount_of
from meterline.invoices.words import CAUSES
from meterline.kernel.money import decimals
from meterline.web import format as written


def letter(one: Sending) -> EmailMultiAlternatives:
    """The message of a sending, from the seller's name, to its address."""
    invoice = one.invoice
    document = reports.document(invoice.number)
    seller = document.seller
    with override(language_of(document.language)):
        shown = spoken(document)
        context = {"shown": shown, "seller": seller, "changes": _changes(invoice, document),
                   "url": _url(invoice), "language": language_of(document.language)}  # fmt: skip
        subject = _("%(title)s %(number)s of %(seller)s") % {
            "title": shown["title"], "number": invoice.number, "seller": seller.name,
        }  # fmt: skip
        text = render_to_string("invoices/letter.txt", context)
        page = render_to_string("invoices/letter.html", context)
    message = EmailMultiAlternatives(
        subject, text, formataddr((seller.name, settings.DEFAULT_FROM_EMAIL)), [one.address],
        reply_to=[seller.email] if seller.email else None,
        headers={"Message-ID": _message_id(one)},
    )  # fmt: skip
    message.attach_alternative(page, "text/html")
    pdf = document_format("pdf")
    name = f"{invoice.number.replace('/', '-')}{pdf.SUFFIX}"
    message.attach(name, pdf.render(document), "application/pdf")
    return message


def _message_id(one: Sending) -> str:
    """The same at each attempt, so that mail systems can tell that it is the same message."""
    host = settings.SITE_URL.split("://")[-1].split("/")[0].split(":")[0]
    return f"<invoice-{one.invoice_id}-{one.pk}@{host}>"


def _url(invoice: Invoice) -> str:
    """Where the customer sees it explained."""
    return f"{settings.SITE_URL}/portal/bills/{invoice.pk}/"


def _changes(invoice: Invoice, document: InvoiceDocument) -> list[dict[str, str]]:
    """Why it is another amount than the last one; nothing where there is none before it."""
    last = last_before(invoice)
    if last is None or invoice.kind != "invoice":
        return []
    found = causes(
        reading.lines([last.pk]), reading.lines([invoice.pk]), (last.tax, invoice.tax),
        decimals(invoice.currency),
    )  # fmt: skip
    first = _("Last bill, of %(day)s") % {"day": written.day(last.issue_date)}
    rows = [{"words": first, "amount": amount_of(document, last.total)}]
    for cause, amount in found:
        shown = amount_of(document, amount)
        rows.append({"words": str(CAUSES[cause]), "amount": f"+{shown}" if amount > 0 else shown})
    return rows


def last_before(one: Invoice) -> Invoice | None:
    """The invoice of the same account before this one."""
    rows = Invoice.objects.filter(
        account=one.account, currency=one.currency, kind="invoice", pk__lt=one.pk,
        issue_date__lte=one.issue_date,
    )  # fmt: skip
    return rows.order_by("-issue_date", "-pk").first()
