"""Saved views of lists, key figures as last computed, what users put away, their feedback."""

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


class PutAway(models.Model):
    """Something offered once, such as the tour, that a user does not want to see again."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    what = models.CharField(max_length=60)

    class Meta:
        db_table = "web_putaway"
        constraints = (models.UniqueConstraint(fields=["user", "what"], name="put_away_once"),)


class Feedback(models.Model):
    """What a user thinks of a page, with a picture of it where they agreed to send one."""

    page = models.CharField(max_length=500)  # its path
    text = models.TextField()
    picture = models.BinaryField(null=True)
    picture_type = models.CharField(max_length=20, default="", blank=True)
    given_by = models.CharField(max_length=200)
    given_at = models.DateTimeField()
    state = models.CharField(max_length=20, default="new")  # in_hand, done
    note = models.TextField(default="", blank=True)  # what became of it

    class Meta:
        db_table = "web_feedback"
        indexes = (models.Index(fields=["state", "id"], name="web_feedback_by_state"),)
