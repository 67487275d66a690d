"""The colours of the portal: those of the seller."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from meterline.portal.scope import customer_of
from meterline.portal.services import PERMISSION
from meterline.portal.services import brand as brand_of
from meterline.web.page import fragment

PLAIN = "#4353c9"


@fragment("portal/brand", permission=PERMISSION)
def brand(request: HttpRequest) -> HttpResponse:
    """The seller's colour as the accent, made as light or dark as text on it needs."""
    seller = brand_of(customer_of(request))
    colour = seller.colour if seller else PLAIN
    text = (
        f":root{{--accent:light-dark(oklch(from {colour} min(l,0.48) c h),"
        f"oklch(from {colour} max(l,0.76) min(c,0.12) h));"
        f"--accent-strong:light-dark(oklch(from {colour} min(l,0.4) c h),"
        f"oklch(from {colour} max(l,0.82) min(c,0.1) h));"
        f"--accent-soft:light-dark(oklch(from {colour} 0.955 min(c,0.025) h),"
        f"oklch(from {colour} 0.29 min(c,0.06) h));"
        f"--chart-1:light-dark(oklch(from {colour} clamp(0.45,l,0.6) max(c,0.09) h),"
        f"oklch(from {colour} max(l,0.7) min(c,0.14) h));--brand:{colour}}}"
    )
    return HttpResponse(text, content_type="text/css")
