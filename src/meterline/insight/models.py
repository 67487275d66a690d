"""Reports as last computed."""

from __future__ import annotations

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from meterline.catalog.models import Draft


class Report(models.Model):
    """One report: what it says, and as of when. Made anew by a job, never by a page."""

    code = models.CharField(max_length=50, primary_key=True)
    computed_at = models.DateTimeField()
    content = models.JSONField()

    class Meta:
        db_table = "insight_report"


class WhatIf(models.Model):
    """A simulation of a draft, or of files, over the base: what was asked, how far it is, what it
    came to. Its bills one by one stand in a file."""

    draft = models.ForeignKey(Draft, null=True, on_delete=models.PROTECT, related_name="what_ifs")
    name = models.CharField(max_length=300)  # of the catalogue's file
    months = models.IntegerField()
    segment = models.JSONField(default=list)  # KEY=VALUE texts
    asked_by = models.CharField(max_length=200)
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=20, default="waiting")  # working, done, failed
    done = models.BigIntegerField(default=0)  # accounts, of `total`
    total = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    problem = models.TextField(default="")
    report = models.JSONField(null=True, encoder=DjangoJSONEncoder)  # report.as_dict

    class Meta:
        db_table = "insight_whatif"


class WhatIfFile(models.Model):
    """A file of a simulation that is of no draft: a catalogue, or a deck."""

    what_if = models.ForeignKey(WhatIf, on_delete=models.PROTECT, related_name="files")
    path = models.CharField(max_length=500)
    content = models.BinaryField()

    class Meta:
        db_table = "insight_whatiffile"
