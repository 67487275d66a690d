"""What the shell itself needs: help, finding, saved views, the language."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from django.core.signing import BadSignature
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from markdown_it import MarkdownIt

from meterline.access.gate import allowed
from meterline.access.permissions import SIGNED_IN
from meterline.web import charts, language
from meterline.web.find import FINDERS, Hit, finder, found
from meterline.web.models import SavedView
from meterline.web.page import PAGES, act, done, fragment, page
from meterline.web.shell import OWN_ACCOUNT, surface_of

HELP = Path(__file__).resolve().parents[1] / "help"


@page("help", title=_("Help"), permission=SIGNED_IN)
def help_index(request: HttpRequest) -> HttpResponse:
    """All topics of help, with those that say what is looked for."""
    text = request.GET.get("q", "").strip()
    portal = surface_of(request, None) == "portal"
    topics = [
        (slug, title) for slug, title, body in _help()
        if text.casefold() in body and _is_of(slug, portal)
    ]  # fmt: skip
    return render(request, "console/help_index.html", {"topics": topics, "text": text})


@page("help/<slug:topic>", title=_("Help"), permission=SIGNED_IN, help="console-help-index")
def help_topic(request: HttpRequest, topic: str) -> HttpResponse:
    """The help of one page."""
    if topic not in {slug for slug, *_ in _help()}:
        raise Http404
    path = HELP / f"{topic}.md"
    body = mark_safe(MarkdownIt().enable("table").render(path.read_text("utf-8")))
    return render(request, "console/help_topic.html", {"body": body, "topic": _title_of(path)})


@page("search", title=_("Find"), permission=SIGNED_IN)
def search(request: HttpRequest) -> HttpResponse:
    """The palette as a page, for those without a script."""
    text = request.GET.get("q", "").strip()
    context = {"text": text, "groups": found(request, text, 20) if text else []}
    return render(request, "console/search.html", context)


@fragment("palette", permission=SIGNED_IN)
def palette(request: HttpRequest) -> HttpResponse:
    """What Ctrl-K shows for a text."""
    text = request.GET.get("q", "").strip()
    return render(request, "console/palette.html", {"groups": found(request, text)})


@fragment("chart", permission=SIGNED_IN)
def chart(request: HttpRequest) -> HttpResponse:
    """The picture of a chart that a page showed, by its key. Of a key it never changes."""
    try:
        picture = charts.drawn(request.GET.get("of", ""), narrow="narrow" in request.GET)
    except BadSignature:
        raise Http404 from None
    return HttpResponse(
        picture, content_type="image/svg+xml",
        headers={"Cache-Control": "private, max-age=604800, immutable"},
    )  # fmt: skip


@fragment("lookup/<slug:kind>", permission=SIGNED_IN)
def lookup(request: HttpRequest, kind: str) -> HttpResponse:
    """What a field that completes itself shows for a text."""
    one = FINDERS.get(kind)
    if one is None or not allowed(request, one.permission):
        raise Http404
    hits = one.find(request.GET.get("q", "").strip(), 12)
    return JsonResponse(
        [
            {"title": str(hit.title), "note": str(hit.note), "value": hit.value or str(hit.title)}
            for hit in hits
        ],
        safe=False,
    )


@finder("pages", _("Pages"), permission=SIGNED_IN)
def pages(text: str, limit: int) -> list[Hit]:
    """Pages of the menu by their title."""
    wanted = text.lower()
    hits = [
        Hit(title=one.title, url=reverse(one.name), note=str(one.menu or ""), icon="file",
            permission=one.permission)
        for one in sorted(PAGES.values(), key=lambda one: one.order)
        if one.placed and (wanted in str(one.title).lower() or wanted in one.path)
    ]  # fmt: skip
    return hits[:limit]


@finder("help", _("Help"), permission=SIGNED_IN)
def help_topics(text: str, limit: int) -> list[Hit]:
    """Topics of help: those whose title says it come first, then those that mention it."""
    wanted = text.casefold()
    found = [(wanted not in title.casefold(), title, slug)
             for slug, title, body in _help() if len(wanted) > 2 and wanted in body]  # fmt: skip
    return [
        Hit(title=title, url=reverse("console.help_topic", args=[slug]), icon="help")
        for _mentioned, title, slug in sorted(found)[:limit]
    ]


def _is_of(topic: str, portal: bool) -> bool:
    """Is it about the portal, or else about the console? Some are about both."""
    shared = topic in (OWN_ACCOUNT, "console-help-index")
    return shared or (topic in _portal_topics()) == portal


@cache
def _portal_topics() -> frozenset[str]:
    return frozenset(one.help for one in PAGES.values() if one.surface == "portal")


@cache
def _help() -> tuple[tuple[str, str, str], ...]:
    """Name, title and searchable text of each topic."""
    return tuple(
        (path.stem, _title_of(path), path.read_text("utf-8").casefold())
        for path in sorted(HELP.glob("*.md"))
    )


@act("views/save", permission=SIGNED_IN)
def view_save(request: HttpRequest) -> HttpResponse:
    """Keep a list as it is shown, under a name."""
    name, query = request.POST.get("name", "").strip()[:100], request.POST.get("query", "")
    table = request.POST.get("table", "")[:100]
    SavedView.objects.update_or_create(
        user_id=request.user.pk, table=table, name=name, defaults={"query": query}
    )
    back = _back(request).split("?")[0]
    return done(request, _("The view is kept."), f"{back}?{query}")


@act("views/<int:view>/remove", permission=SIGNED_IN)
def view_remove(request: HttpRequest, view: int) -> HttpResponse:
    """Remove a saved view of one's own."""
    get_object_or_404(SavedView, pk=view, user_id=request.user.pk).delete()
    return done(request, _("The view is removed."), _back(request))


@act("language", permission=SIGNED_IN)
def set_language(request: HttpRequest) -> HttpResponse:
    """Another language of the pages, kept with the user and in a cookie."""
    code = request.POST.get("language", "")
    response = HttpResponseRedirect(_safe(request, request.POST.get("next", "/")), status=303)
    if language.known(code):
        language.keep(request, response, code)
    return response


def _back(request: HttpRequest) -> str:
    return _safe(request, request.headers.get("Referer", "/"))


def _safe(request: HttpRequest, url: str) -> str:
    good = url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()})
    return url if good else "/"


def _title_of(path: Path) -> str:
    return path.read_text("utf-8").partition("\n")[0].lstrip("# ")
