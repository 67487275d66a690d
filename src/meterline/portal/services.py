"""Inviting customers to the portal, and taking their access away: the only writer of its table."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.core.validators import validate_email
from django.db import transaction
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import override

from meterline.access import secrets
from meterline.access import services as access
from meterline.access.errors import UnknownUser
from meterline.access.models import User
from meterline.customers.models import Account, Customer, Seller
from meterline.customers.services import customer_by_code
from meterline.platform import audit, clock, events
from meterline.portal.errors import InvalidAddress, NotACustomersAddress
from meterline.portal.models import PortalUser

ROLE = "customer"
PERMISSION = "portal.use"
INVITATION_LASTS = timedelta(days=7)


@transaction.atomic
def invite(customer: str, email: str, *, name: str = "") -> str:
    """Let whoever reads this address see a customer's accounts, and send them a link by which
    they come in once and choose a password; gives the link's path. Inviting again sends a new one.

    Raises UnknownCustomer, InvalidAddress, NotACustomersAddress.
    """
    about = customer_by_code(customer)
    user = _user(about, email.strip().lower(), name)
    held, new = PortalUser.objects.get_or_create(
        user=user,
        defaults={"customer": about, "invited_at": clock.now(), "invited_by": audit.actor()},
    )
    if not new and held.customer_id != about.pk:
        raise NotACustomersAddress(email=user.email)
    path = f"/portal/welcome/{secrets.make_link(user, lives=INVITATION_LASTS)}/"
    audit.record("portal.invited", f"customer:{about.code}", after={"user": user.email})
    events.emit("portal.invited", f"customer:{about.code}", {"user": user.email})
    transaction.on_commit(lambda: _send(about, user.email, path))
    return path


def welcome(secret: str) -> User | None:
    """The user whom an invitation lets in, once; None where it is used, too old, or none."""
    user = secrets.use_link(secret, only=PERMISSION)
    if user is not None:
        PortalUser.objects.filter(user=user, welcomed_at=None).update(welcomed_at=clock.now())
    return user


@transaction.atomic
def take_away(customer: str, email: str) -> None:
    """No more access to the portal for a user of a customer. Raises UnknownUser."""
    held = PortalUser.objects.filter(customer__code=customer, user__email__iexact=email).first()
    if held is None:
        raise UnknownUser(email=email)
    user = held.user
    held.delete()
    access.set_active(user.email, False)
    audit.record("portal.taken_away", f"customer:{customer}", before={"user": user.email})


def users_of(customer: Customer) -> list[PortalUser]:
    """Who sees a customer's accounts in the portal."""
    return list(PortalUser.objects.filter(customer=customer).select_related("user").order_by("pk"))


def brand(customer: Customer) -> Seller | None:
    """Whose portal a customer sees: the seller of the first account."""
    first = Account.objects.filter(customer=customer).select_related("seller").order_by("code")
    found = first.first()
    return found.seller if found else None


def _user(customer: Customer, email: str, name: str) -> User:
    try:
        validate_email(email)
    except ValidationError:
        raise InvalidAddress(email=email) from None
    try:
        user = access.user_by_email(email)
    except UnknownUser:
        return access.add_user(email, name=name or customer.party.name, roles=[ROLE])
    if set(user.roles.values_list("code", flat=True)) != {ROLE}:
        raise NotACustomersAddress(email=email)
    if not user.is_active and not PortalUser.objects.filter(user=user).exists():
        access.set_active(email, True)  # was taken away before
        user.refresh_from_db()
    return user


def _send(customer: Customer, email: str, path: str) -> None:
    seller = brand(customer)
    with override(customer.party.language):
        context = {
            "name": customer.party.name, "url": f"{settings.SITE_URL}{path}",
            "days": INVITATION_LASTS.days, "seller": seller.name if seller else "Meterline",
        }  # fmt: skip
        subject = _("Your account at %(seller)s") % context
        text = render_to_string("portal/invitation.txt", context)
    send_mail(subject, text, None, [email])
