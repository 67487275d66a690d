"""The pages, as an ASGI application; `api/asgi.py` puts the API before them."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meterline.platform.settings")
application = get_asgi_application()
