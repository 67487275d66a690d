"""How people sign in: passwords (Argon2), second factors, passkeys, and a company's own service.

`METERLINE_OIDC_URL`, `_CLIENT_ID` and `_CLIENT_SECRET` together switch on signing in by OpenID
Connect; `METERLINE_OIDC_NAME` is what the button says.
"""

from __future__ import annotations

import os
from typing import Any

AUTH_USER_MODEL = "access.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/account/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/account/login/"

ACCOUNT_ADAPTER = "meterline.web.sign_in.Adapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/15m/key",  # then locked out for a quarter of an hour
    "reset_password": "20/m/ip,5/m/key",
    "reauthenticate": "10/m/user",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Meterline"
MFA_TOTP_TOLERANCE = 1  # steps of 30 seconds by which clocks may differ (RFC 6238, 5.2)
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not os.environ.get("METERLINE_URL", "").startswith("https")

SOCIALACCOUNT_ADAPTER = "meterline.web.sign_in.SocialAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True  # the service vouches for the address
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_LOGIN_ON_GET = False


def _oidc() -> list[dict[str, Any]]:
    names = ("METERLINE_OIDC_URL", "METERLINE_OIDC_CLIENT_ID", "METERLINE_OIDC_CLIENT_SECRET")
    url, client, secret = (os.environ.get(name, "") for name in names)
    if not (url and client and secret):
        return []
    return [
        {
            "provider_id": "company",
            "name": os.environ.get("METERLINE_OIDC_NAME", "single sign-on"),
            "client_id": client,
            "secret": secret,
            "settings": {"server_url": url},
        }
    ]


SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": _oidc(), "OAUTH_PKCE_ENABLED": True}}
