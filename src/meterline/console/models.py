"""Files of customers, contracts and payments that somebody gave to a page, to be imported."""

from __future__ import annotations

from django.db import models


class Import(models.Model):
    """A file: checked first, and imported when somebody says so. Its copy lies in its folder."""

    kind = models.CharField(max_length=20)  # imports.KINDS
    file_name = models.TextField()
    folder = models.CharField(max_length=40)  # under {home}/imports
    asked_by = models.CharField(max_length=200)
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=20, default="checking")  # checked, importing, done, failed
    rows = models.BigIntegerField(default=0)  # lines, until it is checked
    good = models.BigIntegerField(default=0)  # that are, or would be, imported
    refused = models.BigIntegerField(default=0)
    problem = models.TextField(default="")

    class Meta:
        db_table = "console_import"
