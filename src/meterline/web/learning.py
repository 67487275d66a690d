"""What is offered once, and what users say of the product: the writer of both tables."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from meterline.kernel.errors import MeterlineError
from meterline.platform import audit, clock
from meterline.web.models import Feedback, PutAway
from meterline.web.words import Words

Step = tuple[str, Words, Words]
"""A step of a tour: where (a selector; empty: nowhere), title, text."""
OFFERS = ("checklist", "tour")
"""What may be put away."""
PICTURE_BYTES_MAX = 4_000_000
_PICTURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))
STATES = ("new", "in_hand", "done")


class NoPicture(MeterlineError):
    """the file is no picture that can be kept: take a PNG or JPEG of at most 4 MB"""

    code = "no_picture"


class NoConsent(MeterlineError):
    """a picture of the page is sent only with your consent: tick it, or take the picture away"""

    code = "no_consent"


def offered(request: HttpRequest, what: str) -> bool:
    """Is it still offered to whoever is signed in?"""
    return not PutAway.objects.filter(user_id=request.user.pk, what=what).exists()


def put_away(request: HttpRequest, what: str) -> None:
    """Offer it no more."""
    PutAway.objects.get_or_create(user_id=request.user.pk, what=what)


def tour(request: HttpRequest, steps: tuple[Step, ...]) -> dict[str, Any]:
    """What `web/tour.html` and `web/tour_offer.html` show: asked for by `?tour=1`, else offered
    until it was taken or put away. Whoever looks as a customer is led nowhere."""
    if getattr(request, "impersonation", None) is not None:
        return {}
    starts = request.GET.get("tour") == "1"
    return {
        "tour": steps, "tour_starts": starts,
        "tour_offered": not starts and offered(request, "tour"),
    }  # fmt: skip


def give(*, page: str, text: str, picture: bytes | None, consent: bool) -> Feedback:
    """Keep what somebody says. Raises NoConsent, NoPicture."""
    if picture is not None and not consent:
        raise NoConsent
    kind = "" if picture is None else _kind(picture)
    return Feedback.objects.create(
        page=page[:500], text=text, picture=picture, picture_type=kind, given_by=audit.actor(),
        given_at=clock.now(),
    )  # fmt: skip


def settle(feedback: Feedback, state: str, note: str) -> None:
    """Say what became of it."""
    before = {"state": feedback.state, "note": feedback.note}
    feedback.state, feedback.note = state, note
    feedback.save(update_fields=["state", "note"])
    after = {"state": state, "note": note}
    audit.record("feedback.settled", f"feedback:{feedback.pk}", before=before, after=after)


def _kind(picture: bytes) -> str:
    """What it is, by its first bytes, whatever it is called."""
    found = [kind for head, kind in _PICTURES if picture.startswith(head)]
    if not found or len(picture) > PICTURE_BYTES_MAX:
        raise NoPicture
    return found[0]
