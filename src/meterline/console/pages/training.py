"""Training: the demo company of a sandbox, reset in one click."""

from __future__ import annotations

import os
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from meterline.console import training
from meterline.customers.models import Customer
from meterline.demo.restore import check
from meterline.invoices.models import Invoice
from meterline.payments.models import Payment
from meterline.web import format as written
from meterline.web.confirm import confirm, confirmed
from meterline.web.page import act, done, fragment, page

_MENU: Final = "settings" if os.environ.get("METERLINE_SANDBOX") else None
_PERMISSION: Final = "sandbox.reset"


@page("settings/training", title=_("Training"), permission=_PERMISSION, menu=_MENU, order=90)
def training_mode(request: HttpRequest) -> HttpResponse:
    """What training is, and the way back to the first day."""
    context = {
        "progress": training.progress(), "is_sandbox": bool(os.environ.get("METERLINE_SANDBOX")),
    }  # fmt: skip
    return render(request, "console/training.html", context)


@fragment("settings/training/progress", permission=_PERMISSION)
def training_progress(request: HttpRequest) -> HttpResponse:
    """How far the reset is; once it has ended, the page is shown anew."""
    state = training.progress()
    response = render(request, "console/training_progress.html", {"progress": state})
    if state is None or not state.running:
        response["HX-Refresh"] = "true"
    return response


@act("settings/training/reset", permission=_PERMISSION)
def training_reset(request: HttpRequest) -> HttpResponse:
    """Reset the demo company, and nothing else."""
    size = check()
    if not confirmed(request):
        effects = [
            (_("Customers"), written.number(Customer.objects.count())),
            (_("Invoices"), written.number(Invoice.objects.count())),
            (_("Payments"), written.number(Payment.objects.count())),
            (_("Months that are lived anew"), written.number(size.months)),
        ]
        return confirm(
            request, _("Reset the demo company"), verb=_("Reset the demo company"), effects=effects,
            danger=True,
            note=_("All of these are removed and made anew, as on the first day. Users, roles,"
                   " keys, feedback and the audit log stay."),
        )  # fmt: skip
    training.begin()
    return done(request, _("The demo company is being reset."), "console.training_mode")
