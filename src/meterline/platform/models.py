"""The outbox of events and the audit log."""

from __future__ import annotations

from django.db import models


class Event(models.Model):
    """Something that happened, stored in the transaction that caused it, then published."""

    at = models.DateTimeField()
    name = models.CharField(max_length=100)
    subject = models.CharField(max_length=200)
    payload = models.JSONField()
    published_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "platform_event"
        indexes = (
            models.Index(
                fields=["id"],
                condition=models.Q(published_at=None),
                name="platform_event_unpublished",
            ),
        )


class AuditEntry(models.Model):
    """Who changed what, from what to what. The database refuses to change or remove one."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=100)
    subject = models.CharField(max_length=200)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        db_table = "platform_auditentry"
        indexes = (
            models.Index(fields=["at", "id"], name="audit_by_time"),
            models.Index(fields=["actor", "at", "id"], name="audit_by_actor"),
            models.Index(fields=["action", "at", "id"], name="audit_by_action"),
            models.Index(
                fields=["subject"], opclasses=["varchar_pattern_ops"], name="audit_by_subject"
            ),
        )
