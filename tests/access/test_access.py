"""Users, roles, approvals by two, secrets shown once, and looking as a customer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from meterline.access import approvals, secrets, services
from meterline.access.errors import (
    ApprovalMoved,
    ApprovalNeeded,
    LastAdministrator,
    NotAwaiting,
    RoleBuiltIn,
    RoleInUse,
    SecondPersonNeeded,
    UnknownPermission,
    UnknownRole,
    UserExists,
    WeakPassword,
)
from meterline.access.models import ApiKey, Approval, Role, SignInLink, User
from meterline.access.permissions import ROLES
from meterline.customers import services as customers
from meterline.platform import audit, clock
from meterline.platform.models import AuditEntry

pytestmark = pytest.mark.django_db
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
RUN = {"until": "2026-03-01", "invoices": 1240}


def ask(payload: dict[str, object] = RUN) -> Approval:
    with audit.acting_as("user:anna"):
        return approvals.ask(
            "bill_run", "bill_run:1", summary="Issue 1,240 invoices",
            permission="billing.approve", payload=payload,
        )  # fmt: skip


def test_the_roles_of_the_product_are_there() -> None:
    assert set(Role.objects.values_list("code", flat=True)) == set(ROLES)


def test_users_and_their_permissions() -> None:
    services.add_user("Anna@Example.com", roles=["support", "finance"])
    user = services.user_by_email("anna@example.com")
    assert user.granted() == frozenset(ROLES["support"][1]) | frozenset(ROLES["finance"][1])
    with pytest.raises(UserExists):
        services.add_user("ANNA@example.com")
    with pytest.raises(UnknownRole):
        services.set_roles("anna@example.com", ["king"])
    with pytest.raises(WeakPassword):
        services.add_user("b@example.com", password="short")
    services.set_active("anna@example.com", False)
    assert User.objects.get(pk=user.pk).granted() == frozenset()


def test_an_administrator_is_left() -> None:
    services.add_user("a@example.com", roles=["admin"])
    with pytest.raises(LastAdministrator):
        services.set_roles("a@example.com", ["billing"])
    with pytest.raises(LastAdministrator):
        services.set_active("a@example.com", False)
    services.add_user("b@example.com", roles=["admin"])
    services.set_roles("a@example.com", ["billing"])


def test_own_roles() -> None:
    services.save_role("night", name="Night shift", permissions=["usage.view"], new=True)
    services.add_user("n@example.com", roles=["night"])
    assert services.user_by_email("n@example.com").granted() == {"usage.view"}
    services.bring_roles()
    assert Role.objects.get(code="night").permissions == ["usage.view"]
    with pytest.raises(RoleInUse):
        services.remove_role("night")
    with pytest.raises(RoleBuiltIn):
        services.save_role("admin", name="x", permissions=[])
    with pytest.raises(UnknownPermission):
        services.save_role("x", name="x", permissions=["all"])


def test_passwords_are_kept_by_argon2() -> None:
    user = services.add_user("a@example.com", password="a long pass phrase")
    assert user.password.startswith("argon2")


def test_two_people_for_a_dangerous_act() -> None:
    approval = ask()
    assert ask().pk == approval.pk  # the same again
    with pytest.raises(ApprovalNeeded):
        approvals.use("bill_run", "bill_run:1", RUN)
    with audit.acting_as("user:anna"), pytest.raises(SecondPersonNeeded):
        approvals.decide(approval.pk, approved=True)
    with audit.acting_as("user:ben"):
        approvals.decide(approval.pk, approved=True)
        with pytest.raises(NotAwaiting):
            approvals.decide(approval.pk, approved=True)
    with pytest.raises(ApprovalMoved):
        approvals.use("bill_run", "bill_run:1", {**RUN, "invoices": 1241})
    approvals.use("bill_run", "bill_run:1", RUN)
    with pytest.raises(ApprovalNeeded):  # once
        approvals.use("bill_run", "bill_run:1", RUN)


def test_what_changed_is_asked_for_anew() -> None:
    first = ask()
    second = ask({**RUN, "invoices": 1241})
    first.refresh_from_db()
    assert (first.state, second.state) == ("refused", "awaiting")


def test_the_database_refuses_ones_own_approval() -> None:
    approval = ask()
    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.filter(pk=approval.pk).update(state="approved", decided_by="user:anna")


def test_a_link_signs_in_once_and_in_time(client: Client) -> None:
    user = services.add_user("a@example.com", roles=["admin"])
    path = reverse("console.sign_in", args=[secrets.make_link(user)])
    assert client.get(path, REMOTE_ADDR="203.0.113.7").status_code == 403
    assert client.get(path, headers={"host": "127.0.0.1"}).status_code == 302
    assert client.get("/").status_code == 200
    assert Client().get(path, headers={"host": "127.0.0.1"}).status_code == 403
    late = secrets.make_link(user)
    clock.move_to(clock.now() + timedelta(hours=13))
    assert secrets.use_link(late) is None
    assert not SignInLink.objects.filter(digest=late).exists()


def test_keys_are_kept_as_digests_and_can_be_revoked() -> None:
    key, secret = secrets.make_key("loader", ["usage.load"])
    assert secret not in str(ApiKey.objects.values())
    found = secrets.key_of(secret)
    assert found is not None
    assert (found.pk, found.permissions) == (key.pk, ["usage.load"])
    assert secrets.key_of(secret[:-1]) is None
    secrets.revoke_key(key.prefix)
    assert secrets.key_of(secret) is None


def test_keys_expire() -> None:
    _key, secret = secrets.make_key("x", [], expires_at=clock.now() + timedelta(days=1))
    assert secrets.key_of(secret) is not None
    clock.move_to(clock.now() + timedelta(days=1, seconds=1))
    assert secrets.key_of(secret) is None


@pytest.fixture
def customer() -> None:
    customers.create_customer(name="Maria", code="M0001")


@pytest.mark.usefixtures("customer")
def test_looking_as_a_customer_reads_only_and_is_on_record(client: Client) -> None:
    user = services.add_user("s@example.com", roles=["support"])
    client.force_login(user, backend=BACKEND)
    begin = reverse("console.impersonate", args=["M0001"])
    assert client.post(begin, {"reason": ""}, follow=True).status_code == 200
    assert client.get("/customers/").status_code == 200  # no reason, no looking
    client.post(begin, {"reason": "asked about her bill"})
    assert client.get("/customers/").status_code == 403  # the console is closed
    assert client.post("/language/", {"language": "de"}).status_code == 403
    client.post(reverse("console.impersonate_end"))
    assert client.get("/customers/").status_code == 200
    actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert [one for one in actions if one.startswith("impersonation")] == [
        "impersonation.begun", "impersonation.ended",
    ]  # fmt: skip


@pytest.mark.usefixtures("customer")
def test_looking_as_a_customer_ends_by_itself(client: Client) -> None:
    user = services.add_user("s@example.com", roles=["support"])
    client.force_login(user, backend=BACKEND)
    client.post(reverse("console.impersonate", args=["M0001"]), {"reason": "asked"})
    assert client.get("/customers/").status_code == 403
    clock.move_to(clock.now() + timedelta(minutes=31))
    assert client.get("/customers/").status_code == 200


def test_wrong_passwords_lock_out(client: Client) -> None:
    services.add_user("a@example.com", roles=["billing"], password="a long pass phrase")
    login = reverse("account_login")
    for _ in range(5):
        answer = client.post(login, {"login": "a@example.com", "password": "wrong"})
        assert answer.status_code == 200
    answer = client.post(login, {"login": "a@example.com", "password": "a long pass phrase"})
    assert "_auth_user_id" not in client.session
    assert "Too many" in answer.content.decode()
    assert AuditEntry.objects.filter(action="user.sign_in_failed").count() == 5


def test_nobody_signs_up(client: Client) -> None:
    data = {
        "email": "x@example.com",
        "password1": "a long pass phrase",
        "password2": "a long pass phrase",
    }
    client.post(reverse("account_signup"), data)
    assert not User.objects.exists()
