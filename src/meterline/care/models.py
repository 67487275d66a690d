"""Notes about customers and interactions with them (TMF683 PartyInteraction)."""

from __future__ import annotations

from django.db import models


class Note(models.Model):
    """Something to know about a customer, or something that was said. Append-only."""

    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, db_index=False)
    kind = models.CharField(max_length=20)
    text = models.TextField()
    at = models.DateTimeField()
    author = models.CharField(max_length=200)

    class Meta:
        db_table = "care_note"
        indexes = (models.Index(fields=["customer", "id"], name="notes_by_customer"),)
