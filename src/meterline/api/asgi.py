"""The whole product for an ASGI server: `/v1/` is the API, all else are pages.

Whoever imports it serves: connections to the database are pooled from then on.
"""

from __future__ import annotations

from meterline.platform.asgi import application as pages  # sets Django up

from meterline.api.application import Application  # isort: skip

application = Application(pages)
