"""What the shell itself needs: help, finding, saved views, the language."""

from __future__ import annotations

from functools import cache

from django.core.signing import BadSignature
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from markdown_it import MarkdownIt

from meterline.access.gate import allowed
from meterline.access.permissions import SIGNED_IN
from meterline.console.topics import topics_in
from meterline.web import charts, language
from meterline.web.find import FINDERS, Hit, finder, found
from meterline.web.models import SavedView
from meterline.web.page import PAGES, act, done, fragment, page
from meterline.web.shell import OWN_ACCOUNT, surface_of


@page("help", title=_("Help"), permission=SIGNED_IN)
def help_index(request: HttpRequest) -> HttpResponse:
    """All topics of help, with those that say what is looked for."""
    text = request.GET.get("q", "").strip()
    portal = surface_of(request, None) == "portal"
    topics = [
        one for one in topics_in(get_language() or "en")
        if text.casefold() in one.searched and _is_of(one.name, portal)
    ]  # fmt: skip
    return render(request, "console/help_index.html", {"topics": topics, "text": text})


@page("help/<slug:topic>", title=_("Help"), permission=SIGNED_IN, help="console-help-index")
def help_topic(request: HttpRequest, topic: str) -> HttpResponse:
    """The help of one page."""
    found = next((one for one in topics_in(get_language() or "en") if one.name == topic), None)
    if found is None:
        raise Http404
    body = mark_safe(MarkdownIt().enable("table").render(found.text))
    return render(request, "console/help_topic.html", {"body": body, "topic": found.title})


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
    if len(wanted) < 3:
        return []
    found = [one for one in topics_in(get_language() or "en") if wanted in one.searched]
    found.sort(key=lambda one: (wanted not in one.title.casefold(), one.title))
    return [
        Hit(title=one.title, url=reverse("console.help_topic", args=[one.name]), icon="help")
        for one in found[:limit]
    ]


def _is_of(topic: str, portal: bool) -> bool:
    """Is it about the portal, or else about the console? Some are about both."""
    shared = topic in (OWN_ACCOUNT, "console-help-index")
    return shared or (topic in _portal_topics()) == portal


@cache
def _portal_topics() -> frozenset[str]:
    return frozenset(one.help for one in PAGES.values() if one.surface == "portal")


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
