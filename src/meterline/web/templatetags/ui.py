"""The components as tags. Each is a partial in `templates/web/`; every template has them all.

Leaves are tags (`{% chip "paid" tone="good" %}`); what has something inside is a pair
(`{% card title="Open" %} ... {% endcard %}`).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import template
from django.conf import settings
from django.http import QueryDict
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from meterline.web import format as written
from meterline.web import rules
from meterline.web.page import link

register = template.Library()
TONES = ("neutral", "good", "busy", "warning", "bad")


@register.simple_tag
def languages() -> list[tuple[str, str]]:
    """The languages of the product: code, and what it is called in itself."""
    return settings.LANGUAGES


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of the sprite; with a label it speaks, without it is decoration."""
    spoken = format_html('role="img" aria-label="{}"', label) if label else 'aria-hidden="true"'
    return format_html(
        '<svg class="icon" {}><use href="{}#{}"/></svg>',
        SafeString(spoken), static("web/icons.svg"), name,
    )  # fmt: skip


@register.simple_tag
def money(value: Decimal | int | None, currency: str) -> SafeString:
    """An amount with its currency."""
    return written.money(value, currency)


@register.simple_tag
def number(value: Decimal | int | None, places: int | None = None) -> str:
    """A number with the separators of the language."""
    return written.DASH if value is None else written.number(value, places)


@register.simple_tag
def when(value: datetime | None) -> SafeString:
    """An instant: how long ago, with the exact one on hover and in the page."""
    if value is None:
        return format_html('<span class="none">{}</span>', written.DASH)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        value.isoformat(), written.moment(value), written.ago(value),
    )  # fmt: skip


@register.simple_tag
def day(value: date | None) -> SafeString:
    """A date."""
    if value is None:
        return format_html('<span class="none">{}</span>', written.DASH)
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), written.day(value))


@register.simple_tag
def day_text(value: date) -> str:
    """A date as text alone, where no markup may stand."""
    return written.day(value)


@register.simple_tag
def period(start: date, end: date) -> str:
    """A half-open period with its last day."""
    return written.period(start, end)


@register.simple_tag
def lasted(start: datetime, end: datetime | None) -> str:
    """How long something took, such as 1:05."""
    seconds = int(((end or start) - start) / timedelta(seconds=1))
    return f"{seconds // 60}:{seconds % 60:02d}"


@register.simple_tag
def chip(label: Any, tone: str = "neutral") -> SafeString:
    """A status: its word, and a mark whose shape says the same as its colour."""
    return format_html('<span class="chip" data-tone="{}">{}</span>', tone, label)


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: Any) -> str:
    """The query of this URL with changes; None takes a parameter away. Paging starts anew."""
    params: QueryDict = context["request"].GET.copy()
    for name in ("after", "before", "format"):
        params.pop(name, None)
    for name, value in changes.items():
        if value is None or value == "":
            params.pop(name, None)
        else:
            params[name] = str(value)
    return f"?{params.urlencode()}"


@register.inclusion_tag("web/stat.html")
def stat(figure: Any) -> dict[str, Any]:
    """A key figure that opens its list: a `web.figures.Stat`."""
    return {"figure": figure}


@register.inclusion_tag("web/facts.html")
def facts(pairs: Any) -> dict[str, Any]:
    """A description list of (term, value) pairs."""
    return {"pairs": pairs}


@register.inclusion_tag("web/timeline.html")
def timeline(events: Any) -> dict[str, Any]:
    """Events, the newest first: dicts with at, title, and optionally text, url, tone, actor."""
    return {"events": events}


@register.inclusion_tag("web/tabs.html", takes_context=True)
def tabs(context: template.Context, items: Any) -> dict[str, Any]:
    """Tabs that are pages: (title, url, count or None) each."""
    return {"items": items, "here": context["request"].path}


@register.inclusion_tag("web/chart.html")
def chart(drawn: Any) -> dict[str, Any]:
    """A chart (`web.charts.Chart`) with its data as a table behind a switch; the picture follows,
    and where no script asks for it the table stands in its place."""
    return {"chart": drawn, "url": link("console.chart", urlencode({"of": drawn.key}))}


@register.inclusion_tag("web/progress.html")
def progress(done: int, total: int, label: str = "", url: str = "") -> dict[str, Any]:
    """How far a job is; with `url`, a fragment of the same kind, it keeps itself up to date."""
    percent = 100 * done // total if total else 0
    return {"done": done, "total": total, "percent": percent, "label": label, "url": url}


@register.inclusion_tag("web/diff.html")
def diff(changes: Any) -> dict[str, Any]:
    """What changes: (what, before, after) each; before or after None is added or removed."""
    return {"changes": changes}


@register.filter
def rule(text: str) -> str:
    """The rule of an explanation in the language of the page."""
    return rules.told(text)


@register.inclusion_tag("web/explanation.html")
def explanation(node: Any) -> dict[str, Any]:
    """A tree: dicts with title, amount (text), rule, arithmetic, parts (list of the same)."""
    return {"node": node}


@register.inclusion_tag("web/code.html")
def code(text: str, name: str = "") -> dict[str, Any]:
    """Code or data, with a button that copies it."""
    return {"text": text, "name": name}


@register.inclusion_tag("web/table.html", takes_context=True)
def table(context: template.Context, bound: Any) -> dict[str, Any]:
    """A list (`web.table.Bound`)."""
    page = context.get("page")
    return {"table": bound, "label": page.title if page else bound.table.name,
            "request": context["request"], "may": context["may"],
            "csrf_token": context.get("csrf_token")}  # fmt: skip


@register.inclusion_tag("web/rows.html")
def rows(bound: Any) -> dict[str, Any]:
    """A short table without paging (`web.rows.Rows`)."""
    return {"rows": bound}


def _pair(name: str, content: str, **context: Any) -> str:
    return render_to_string(f"web/{name}.html", {"content": content, **context})


@register.simple_block_tag
def card(content: str, title: str = "", note: str = "", url: str = "", more: str = "") -> str:
    """A card; `url` and `more` are a link at its head."""
    return _pair("card", content, title=title, note=note, url=url, more=more)


@register.simple_block_tag
def nothing(content: str, title: str = "", icon: str = "box", help: str = "") -> str:
    """What to see where there is nothing yet: what this is, why, and inside the one next step."""
    return _pair("empty", content, title=title, icon=icon, help=help)


@register.simple_block_tag
def notice(content: str, tone: str = "neutral", title: str = "") -> str:
    """A message within the page."""
    return _pair("notice", content, tone=tone, title=title)


@register.simple_block_tag
def dialog(content: str, id: str, title: str) -> str:
    """A dialog; a button with `data-opens="id"` opens it."""
    return _pair("dialog", content, id=id, title=title)


@register.simple_block_tag
def menu(content: str, label: str, icon: str = "", id: str = "") -> str:
    """A button that opens a menu of links and buttons."""
    return _pair("menu", content, label=label, icon=icon, id=id)


@register.simple_block_tag(takes_context=True)
def header(
    context: template.Context, content: str, title: str = "", count: str = "", note: str = "",
    back: str = "", back_title: str = "",
) -> str:  # fmt: skip
    """The head of a page: its title, a count, a way back, and inside its actions."""
    page = context.get("page")
    return _pair(
        "header", content, title=title or (page.title if page else ""), count=count, note=note,
        back=back, back_title=back_title, in_drawer=context.get("in_drawer"),
        help_url=context.get("help_url"),
    )  # fmt: skip
