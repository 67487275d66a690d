"""Prices edited on a page: a form made from what the price models declare, kept as a draft."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from meterline.authoring import editor
from meterline.authoring.editor import Base, Tried
from meterline.authoring.entry import Around, Data, Shown, added, removed, shown, spoken, typed
from meterline.authoring.shape import Shape, shapes
from meterline.catalog import build, reading, resolve
from meterline.catalog.compare import differences
from meterline.catalog.models import Draft
from meterline.catalog.plan_sections import PriceSection
from meterline.catalog.price_words import told
from meterline.catalog.rewrite import REMOVED
from meterline.kernel.errors import MeterlineError
from meterline.platform import clock
from meterline.pricing.registry import all_models
from meterline.web.errors import sentence
from meterline.web.page import done, page
from meterline.web.rows import Column, Rows

KINDS = {
    "recurring": _("Each interval"), "one_time": _("Once"), "usage": _("By what was used"),
}  # fmt: skip
_WHEN = {
    "recurring": ("interval", "timing", "prorate"), "one_time": ("due",),
    "usage": ("interval", "by", "prorate"),
}  # fmt: skip
_RIDER = "percent_of"


@page("catalog/drafts/<int:draft>/prices", title=_("Prices of a draft"), permission="catalog.edit")
def draft_prices(request: HttpRequest, draft: int) -> HttpResponse:
    """The plans of a draft with their prices, to choose one."""
    one = get_object_or_404(Draft, pk=draft, state__in=("draft", "approved"))
    base = editor.of_draft(one)
    data = base.data
    where = reverse("authoring.draft_price", args=[draft])
    columns = [
        Column("name", _("Price"), link=lambda row: row["url"]), Column("kind", _("When")),
        Column("model", _("Model")),
    ]  # fmt: skip
    plans = [
        {
            "code": code, "name": plan.get("name") or resolve.spoken(code),
            "url": f"{where}?{urlencode({'plan': code})}",
            "rows": Rows(columns, [
                {"name": price.get("name") or resolve.spoken(name),
                 "kind": KINDS.get(price.get("kind"), ""), "model": spoken(str(price.get("model"))),
                 "url": f"{where}?{urlencode({'plan': code, 'price': name})}"}
                for name, price in (plan.get("prices") or {}).items()
            ], caption=_t("Prices of %s") % (plan.get("name") or resolve.spoken(code))),
        }
        for code, plan in (data.get("plans") or {}).items()
    ]  # fmt: skip
    return render(request, "authoring/draft_prices.html", {"one": one, "plans": plans})


@page(
    "catalog/drafts/<int:draft>/price", title=_("Price of a draft"), permission="catalog.edit",
    write="catalog.edit", help="authoring-draft-price",
)  # fmt: skip
def draft_price(request: HttpRequest, draft: int) -> HttpResponse:
    """A price of a draft's plan (`?plan=`, `?price=`), or a new one; kept as another draft, which
    replaces it."""
    one = get_object_or_404(Draft, pk=draft, state__in=("draft", "approved"))
    back = reverse("authoring.draft_prices", args=[draft])
    return _edit(request, editor.of_draft(one), request.GET.get("plan", ""), back)


@page(
    "catalog/plans/<code:plan>/change", title=_("Change a price"), permission="catalog.edit",
    write="catalog.edit", help="authoring-draft-price",
)  # fmt: skip
def plan_price(request: HttpRequest, plan: str) -> HttpResponse:
    """A price (`?price=`) of the plan in force, or a new one; kept as a draft."""
    found = reading.plans_in_force(clock.now().date())
    version = next((one for one in found if one.plan_code == plan), None)
    if version is None:
        raise Http404
    return _edit(request, editor.of_plan(version), plan, reverse("catalog.plan", args=[plan]))


def _edit(request: HttpRequest, base: Base, plan: str, back: str) -> HttpResponse:
    code = request.GET.get("price", "")
    before = base.price(plan, code) if code else {}
    if before is None or plan not in (base.data.get("plans") or {}):
        raise Http404
    form = _Form(request, base, plan, code, before)
    if request.method == "POST":
        answer = form.act()
        if answer is not None:
            return answer
    return render(request, "authoring/price.html", form.context() | {"back": back})


class _Form:
    """One price while it is edited: what was typed, and what the last button asked for."""

    def __init__(
        self, request: HttpRequest, base: Base, plan: str, code: str, before: dict[str, Any]
    ) -> None:
        posted = {name: str(value) for name, value in request.POST.items()}
        self.request, self.base, self.plan, self.before = request, base, plan, before
        self.is_new = not code
        self.code = code or posted.get("code", "").strip()
        self.kind = _one_of(posted.get("kind", before.get("kind")), KINDS)
        fit = [name for name, one in sorted(all_models().items()) if self.kind in one.kinds]
        self.models, self.model = fit, _one_of(posted.get("model", before.get("model")), fit)
        self.options = editor.named(base.data, plan)
        self.sections = list(_sections(self.kind, self.model))
        if not self.options["demand"] and not before.get("demand"):
            self.sections = [(title, [one for one in inner if one.name != "demand"], is_open)
                             for title, inner, is_open in self.sections]  # fmt: skip
        self.shapes = [shape for _title, inner, _open in self.sections for shape in inner]
        self.price: Data = dict(before)
        if posted:
            given = {"kind": self.kind, "model": self.model,
                     **typed(self.shapes, posted, before)}  # fmt: skip
            self.price = {name: given[name] for name in before if name in given} | given
        self.note = posted.get("note", base.draft.note if base.draft else "")
        self.tried: Tried | None = None
        self.problems: list[str] = []
        self.focus = ""

    def act(self) -> HttpResponse | None:
        """Do what the button asks for; None to show the form again."""
        do, _colon, place = self.request.POST.get("do", "").partition(":")
        try:
            match do:
                case "add":
                    self.price, self.focus = added(self.price, place.split("."), self.shapes)
                case "remove":
                    self.price = removed(self.price, place.split("."), self.shapes)
                case "check" | "save":
                    return self._try(self.price, save=do == "save")
                case "delete" if not self.is_new:
                    return self._try(REMOVED, save=True)
        except (LookupError, ValueError) as error:
            raise Http404 from error
        return None

    def _try(self, price: Any, *, save: bool) -> HttpResponse | None:
        if self.is_new and not self.code:
            self.problems = [_t("Say by which code the price is to be known.")]
            return None
        if self.is_new and self.base.price(self.plan, self.code) is not None:
            self.problems = [_t("The plan has a price of this code already.")]
            return None
        try:
            self.tried = editor.tried(self.base, self.plan, self.code, price, self.shapes)
            if save and self.tried.sound:
                made = editor.save(self.base, self.tried.text, note=self.note)
                words = _("The draft has the price now. See what it changes.")
                return done(self.request, words, "authoring.draft", made.pk)
        except MeterlineError as error:
            self.problems = [sentence(error)]
        return None

    def context(self) -> dict[str, Any]:
        """What the page shows."""
        errors = dict(self.tried.errors) if self.tried else {}
        around = Around(errors=errors, options=self.options, focus=self.focus)
        others = list(self.tried.others) if self.tried else []
        return {
            "form": self, "kinds": KINDS.items(), "draft": self.base.draft,
            "models": [(name, spoken(name)) for name in self.models],
            "about": (all_models()[self.model].__doc__ or "").strip(),
            "sections": [
                (title, parts := shown(inner, self.price, around), is_open or _given(parts))
                for title, inner, is_open in self.sections
            ],
            "bands": editor.bands(self.base.data, str(self.price.get("calendar", ""))),
            "problems": [*self.problems, *errors.get("", ()), *others],
            "found": self._found(), "name": self.price.get("name") or resolve.spoken(self.code),
        }  # fmt: skip

    def _found(self) -> dict[str, Any] | None:
        """What a sound price says, and what is new in the file."""
        if self.tried is None or self.tried.catalogue is None:
            return None
        model = self.tried.catalogue.model
        meters = {
            code: build.meter(code, resolve.plain(body))
            for code, body in (self.tried.catalogue.data.get("meters") or {}).items()
        }
        plan = {"id": 0, "plan_code": self.plan, "currency": model.currency,
                "timezone": model.timezone}  # fmt: skip
        row = editor.columns(self.tried.catalogue, self.plan, self.code)
        price = build.price(row, plan, meters)
        changes = differences(resolve.plain(self.before), resolve.plain(self.price))
        words = told(price, meters.get(price.meter or ""))
        return {
            "told": words, "lines": self.tried.lines,
            "tables": [one for one in words.tables if one.caption != _t("Settings")],
            "changes": [(one.field, one.before, one.after) for one in changes],
        }  # fmt: skip


def _one_of(given: Any, known: Any) -> str:
    return given if given in known else next(iter(known))


def _given(parts: Sequence[Shown]) -> bool:
    return any(part.given for part in parts)


def _sections(kind: str, model: str) -> list[tuple[str, list[Shape], bool]]:
    """(title, fields, whether they are shown at once) of a price of a kind and model."""
    common = {shape.name: shape for shape in shapes(PriceSection, "price")}
    common["meter"] = replace(common["meter"], required=True)
    first = ["name", "tax"] if kind != "usage" or model == _RIDER else ["name", "meter", "tax"]
    rare = ["minimum_amount", "maximum_amount", "policy"]
    rare += ["indexation"] if kind == "recurring" else []
    when = [name for name in _WHEN[kind] if model != _RIDER or name != "by"]
    return [
        (_t("What it is"), [common[name] for name in first], True),
        (_t("How it is priced"), list(shapes(all_models()[model].parameters)), True),
        (_t("When it is charged"), [common[name] for name in when], True),
        (_t("Limits, policies, indexation"), [common[name] for name in rare], False),
    ]
