"""Saved views of lists, and key figures as last computed."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class SavedView(models.Model):
    """A list with its filters, columns and order, under a name of its user."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    table = models.CharField(max_length=100)
    name = models.CharField(max_length=100)
    query = models.TextField()

    class Meta:
        db_table = "web_savedview"
        constraints = (
            models.UniqueConstraint(fields=["user", "table", "name"], name="one_view_a_name"),
        )


class Figure(models.Model):
    """A key figure as last computed, since computing it reads too much for a page."""

    code = models.CharField(max_length=60, primary_key=True)
    computed_at = models.DateTimeField()
    content = models.JSONField()

    class Meta:
        db_table = "web_figure"
