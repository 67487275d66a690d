"""Notes about customers, interactions with them (TMF683 PartyInteraction), and what they ask."""

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


class Question(models.Model):
    """What a customer asks about a document or one of its lines, and the answer (TMF621 Ticket)."""

    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT)
    invoice = models.ForeignKey("invoices.Invoice", on_delete=models.PROTECT)
    line_id = models.BigIntegerField(null=True)
    text = models.TextField()
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=200)
    answer = models.TextField(default="", blank=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=200, default="", blank=True)

    class Meta:
        db_table = "care_question"
        indexes = (
            models.Index(
                fields=["id"], name="questions_open", condition=models.Q(answered_at__isnull=True)
            ),
            models.Index(fields=["asked_at", "id"], name="questions_by_age"),
        )
