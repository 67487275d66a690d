"""Settings: the audit log and the background jobs."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateEvent, ProcrastinateJob

from meterline.platform import audit, clock
from meterline.platform.models import AuditEntry
from meterline.web.filters import Choice, Days, Filter, Search
from meterline.web.page import act, done, page
from meterline.web.rows import Chip, Column, Number, When, Who
from meterline.web.table import Table

AUDIT = Table(
    "audit",
    columns=[
        When("at", _("When"), sort=True),
        Who("actor", _("Who")),
        Column("action", _("Did what"),
               link=lambda row: reverse("console.audit_entry", args=[row["pk"]])),
        Column("subject", _("To what")),
    ],
    filters=[
        Search("subject", _("To what, e.g. account:A1"),
               find=lambda rows, text: [rows.filter(subject__startswith=text)]),
        Filter("actor", _("Who")),
        Filter("action", _("Did what")),
        Days("at", _("Days")),
    ],
    order="-at",
)  # fmt: skip

STATUS = {
    "todo": _("waiting"), "doing": _("running"), "succeeded": _("succeeded"),
    "failed": _("failed"), "cancelled": _("cancelled"), "aborted": _("aborted"),
}  # fmt: skip
JOBS = Table(
    "jobs",
    columns=[
        Column("task_name", _("Task"), link=lambda row: reverse("console.job", args=[row["pk"]])),
        Chip("status", _("Status"), labels=STATUS,
             tones={"succeeded": "good", "failed": "bad", "doing": "busy", "aborted": "warning"}),
        Number("attempts", _("Attempts")),
        When("scheduled_at", _("Not before")),
        Column("queue_name", _("Queue"), hidden=True),
    ],
    filters=[Choice("status", _("Status"), choices=tuple(STATUS.items())),
             Filter("task_name", _("Task"))],
    order="-pk",
)  # fmt: skip


@page("settings/audit", title=_("Audit log"), permission="audit.view", menu="settings", order=60)
def audit_log(request: HttpRequest) -> HttpResponse:
    """Who did what, the newest first."""
    return AUDIT.respond(request, AuditEntry.objects.all(), "console/audit.html")


@page("settings/audit/<int:entry>", title=_("Audit entry"), permission="audit.view")
def audit_entry(request: HttpRequest, entry: int) -> HttpResponse:
    """One entry, with what was before and after."""
    one = get_object_or_404(AuditEntry, pk=entry)
    before, after = one.before or {}, one.after or {}
    changes = [
        (name, before.get(name), after.get(name)) for name in dict.fromkeys([*before, *after])
    ]
    return render(request, "console/audit_entry.html", {"entry": one, "changes": changes})


@page("settings/jobs", title=_("Jobs"), permission="jobs.view", menu="settings", order=70)
def jobs(request: HttpRequest) -> HttpResponse:
    """Background jobs, the newest first."""
    return JOBS.respond(request, ProcrastinateJob.objects.all(), "console/jobs.html")


@page("settings/jobs/<int:job>", title=_("Job"), permission="jobs.view")
def job(request: HttpRequest, job: int) -> HttpResponse:
    """One job: its arguments and what happened to it."""
    one = get_object_or_404(ProcrastinateJob, pk=job)
    events = [
        {"at": event.at, "title": event.type.replace("_", " ")}
        for event in ProcrastinateEvent.objects.filter(job_id=job).order_by("-at")
    ]
    context = {"job": one, "status": STATUS.get(one.status, one.status), "events": events}
    return render(request, "console/job.html", context)


@act("settings/jobs/<int:job>/retry", permission="jobs.manage")
def job_retry(request: HttpRequest, job: int) -> HttpResponse:
    """Let a failed job run again."""
    one = ProcrastinateJob.objects.filter(pk=job, status="failed").first()
    if one is None:
        raise Http404
    app.job_manager.retry_job_by_id(job_id=job, retry_at=clock.now())
    audit.record("job.retried", f"job:{job}", after={"task": one.task_name})
    return done(request, _("The job waits to run again."), "console.job", job)
