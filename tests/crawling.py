"""Where the pages of a served product are: all that links lead to, found without a browser."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.urls import Resolver404, resolve

from meterline.web.page import PAGES

HREF = re.compile(r'<a\b[^>]*?\shref="([^"#]+)')
OWN = ("mfa_index", "account_change_password", "account_set_password", "account_email",
       "mfa_activate_totp", "mfa_add_webauthn", "account_login")  # fmt: skip
"""Pages of one's own account, which a library brings."""
VARIES = ("what", "kind")
"""Parameters of a URL that make another page of it."""


def key(path: str) -> str:
    """`portal.service_act pause`: the name of the page at a path; empty where there is none."""
    try:
        found = resolve(path)
    except Resolver404:
        return ""
    if found.view_name not in PAGES and found.view_name not in OWN:
        return ""
    varied = [str(found.kwargs[one]) for one in VARIES if one in found.kwargs]
    return " ".join([found.view_name, *varied])


def links(html: str, url: str) -> Iterator[str]:
    """The paths, with their queries, that the links of a page lead to within the product."""
    here = urlsplit(url)
    for found in HREF.findall(html):
        there = urlsplit(urljoin(url, unescape(found)))
        if (there.scheme, there.netloc) == (here.scheme, here.netloc):
            yield f"{there.path}?{there.query}" if there.query else there.path


def crawl(requests: Any, root: str, *starts: str) -> dict[str, str]:
    """Key of each page -> the first path by which links lead there from these. The requests are
    those of a browser's context, which is signed in."""
    found: dict[str, str] = {}
    waiting = deque(starts)
    while waiting:
        path = waiting.popleft()
        name = key(urlsplit(path).path)
        if not name or name in found:
            continue
        answer = requests.get(f"{root}{path}")
        assert answer.ok, f"{path}: {answer.status}"
        found[name] = path
        waiting.extend(links(answer.text(), f"{root}{path}"))
    return found
