"""Django settings. Everything that differs between installations comes from the environment."""

from __future__ import annotations

import os
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from meterline.platform.embedded import database_url, home
from meterline.platform.secret_key import secret_key
from meterline.platform.sign_in import *  # noqa: F403  how people sign in stands there

SECRET_KEY = os.environ.get("METERLINE_SECRET_KEY") or secret_key(home())
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.forms",
    "procrastinate.contrib.django",
    "meterline.platform",
    "meterline.access",
    "meterline.web",
    "meterline.customers",
    "meterline.catalog",
    "meterline.subscriptions",
    "meterline.usage",
    "meterline.reads",
    "meterline.ledger",
    "meterline.payments",
    "meterline.invoices",
    "meterline.billing",
    "meterline.insight",
    "meterline.authoring",
    "meterline.care",
    "meterline.console",
    "meterline.portal",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
]

# Usage over HTTP and streams: the events that may wait to be loaded, before more are put off, and
# the days for which a receipt can be asked what became of it.

USAGE_WAITING_MOST = int(os.environ.get("METERLINE_USAGE_WAITING_MOST", "1000000"))
USAGE_RECEIPT_DAYS = int(os.environ.get("METERLINE_USAGE_RECEIPT_DAYS", "90"))

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"

_connection = conninfo_to_dict(database_url())
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _connection.get("dbname", "postgres"),
        "USER": _connection.get("user", ""),
        "PASSWORD": _connection.get("password", ""),
        "HOST": _connection.get("host", ""),
        "PORT": _connection.get("port", ""),
    }
}

# What the web needs. `METERLINE_URL` is where people reach the product, e.g. https://bss.example.

_url = os.environ.get("METERLINE_URL", "")
SITE_URL = _url.rstrip("/") or "http://localhost:8000"  # in e-mail
_host = _url.split("://")[-1].split("/")[0].split(":")[0]
_secure = _url.startswith("https://")
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *([_host] if _host else [])]
CSRF_TRUSTED_ORIGINS = [_url.rstrip("/")] if _url else []
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _secure
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _secure else None
SECURE_HSTS_SECONDS = 31_536_000 if _secure else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
ROOT_URLCONF = "meterline.console.urls"
ASGI_APPLICATION = "meterline.api.asgi.application"
MIDDLEWARE = [
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "meterline.web.headers.Headers",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "meterline.web.language.Language",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "meterline.web.errors.BusinessErrors",
    "meterline.access.gate.Gate",
    "meterline.web.sound.Sound",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "meterline.web.shell.context",
                "meterline.portal.frame.context",
            ],
            "builtins": ["meterline.web.templatetags.ui", "django.templatetags.i18n"],
        },
    }
]
FORM_RENDERER = "meterline.web.forms.Renderer"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "web_cache",  # shared, so that attempts count whichever server they reach
    }
}
STATIC_URL = "/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "meterline.web.assets.Assets"},
}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", "English"), ("de", "Deutsch"), ("fr", "Français"), ("it", "Italiano"), ("es", "Español"),
]  # fmt: skip
LOCALE_PATHS = [Path(__file__).resolve().parents[1] / "locale"]
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if os.environ.get("METERLINE_SMTP_HOST")
    else "django.core.mail.backends.filebased.EmailBackend"
)
EMAIL_FILE_PATH = home() / "mail"  # where no server is named: links that sign in stay out of logs
EMAIL_HOST = os.environ.get("METERLINE_SMTP_HOST", "")
EMAIL_PORT = int(os.environ.get("METERLINE_SMTP_PORT", "587"))
EMAIL_HOST_USER = os.environ.get("METERLINE_SMTP_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("METERLINE_SMTP_PASSWORD", "")
EMAIL_USE_TLS = True
DEFAULT_FROM_EMAIL = os.environ.get("METERLINE_MAIL_FROM", "billing@localhost")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {"django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False}},
}
