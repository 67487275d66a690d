"""Home of the portal: what I owe, what the next bill comes to so far, what allowances have left."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from meterline.care.models import Question
from meterline.invoices.models import Invoice
from meterline.payments.models import OpenItem
from meterline.payments.services import balance
from meterline.platform import clock
from meterline.portal import bill
from meterline.portal.scope import account_of, customer_of
from meterline.portal.services import PERMISSION
from meterline.portal.spread import parts
from meterline.portal.tour import TOUR
from meterline.portal.words import PARTS
from meterline.usage.services import balances_of
from meterline.web import learning
from meterline.web.page import fragment, page

SHOWN = 3


@page("portal", title=_("Home"), permission=PERMISSION, menu="home", surface="portal")
def home(request: HttpRequest) -> HttpResponse:
    """What I owe and until when, the newest bill, answers to what I asked."""
    account = account_of(request)
    due = OpenItem.objects.filter(account_id=account.pk, open__gt=0).order_by("due_date").first()
    questions = Question.objects.filter(customer=customer_of(request)).select_related("invoice")
    context = {
        "account": account, "balance": balance(account.pk), "due": due,
        "late": due is not None and due.due_date < clock.now().date(),
        "newest": Invoice.objects.filter(account=account).order_by("-issue_date", "-pk").first(),
        "questions": questions.order_by("-asked_at")[:SHOWN],
        **learning.tour(request, TOUR),
    }  # fmt: skip
    return render(request, "portal/home.html", context)


@fragment("portal/so-far", permission=PERMISSION)
def so_far(request: HttpRequest) -> HttpResponse:
    """The next bill as it would be with the usage so far, and what allowances have left."""
    account = account_of(request)
    one = bill.so_far(account)
    made = parts(one.lines, one.tax)
    context = {
        "account": account, "bill": one,
        "parts": [(PARTS[part], amount) for part, amount in made.items()],
        "left": [_lot(lot) for lot in balances_of(account.code)[:20]],
    }  # fmt: skip
    return render(request, "portal/so_far.html", context)


def _lot(lot: Any) -> dict[str, Any]:
    granted, left = lot.granted, round(lot.left, 2)
    return {
        "name": lot.allowance.replace("_", " "), "money": lot.money, "granted": granted,
        "left": left, "until": lot.end,
        "share": int(lot.left * 100 / granted) if granted else 0,
    }  # fmt: skip
