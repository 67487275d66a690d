"""Reports as last computed."""

from __future__ import annotations

from django.db import models


class Report(models.Model):
    """One report: what it says, and as of when. Made anew by a job, never by a page."""

    code = models.CharField(max_length=50, primary_key=True)
    computed_at = models.DateTimeField()
    content = models.JSONField()

    class Meta:
        db_table = "insight_report"
