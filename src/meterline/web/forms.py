"""Forms: every field with its label, hint and error in the same place, and inputs of the field.

A page's form is a Django form; `{{ form }}` shows all of its fields.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.forms.renderers import TemplatesSetting
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from meterline.web.sound import FIRST_YEAR, LAST_YEAR


class Renderer(TemplatesSetting):
    """Fields by `web/field.html`, forms by `web/form.html`."""

    form_template_name = "web/form.html"
    field_template_name = "web/field.html"


class DayField(forms.DateField):
    """A date, picked or typed, of a year that it may be meant for."""

    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})

    def validate(self, value: date | None) -> None:
        super().validate(value)
        if value is not None and not FIRST_YEAR <= value.year <= LAST_YEAR:
            words = _("Expected a day between the years %(first)s and %(last)s.")
            told = {"first": FIRST_YEAR, "last": LAST_YEAR}
            raise forms.ValidationError(words, params=told)


class AmountInput(forms.NumberInput):
    """An amount of one currency, which stands behind it."""

    template_name = "web/widgets/amount.html"

    def __init__(self, currency: str) -> None:
        super().__init__(attrs={"step": "any", "inputmode": "decimal"})
        self.currency = currency

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        return {**super().get_context(name, value, attrs), "currency": self.currency}


class AmountField(forms.DecimalField):
    """An amount of money in a given currency."""

    def __init__(self, *, currency: str, **options: Any) -> None:
        super().__init__(max_digits=28, widget=AmountInput(currency), **options)


class PeriodInput(forms.MultiWidget):
    """The first and the last day of a period."""

    template_name = "web/widgets/period.html"

    def __init__(self) -> None:
        ends = {"type": "date"}
        super().__init__(
            [
                forms.DateInput(format="%Y-%m-%d", attrs={**ends, "aria-label": _("First day")}),
                forms.DateInput(format="%Y-%m-%d", attrs={**ends, "aria-label": _("Last day")}),
            ]
        )

    def decompress(self, value: Any) -> list[Any]:
        return [value[0], value[1] - timedelta(days=1)] if value else [None, None]


class PeriodField(forms.MultiValueField):
    """A period: first and last day on the page, half-open `(start, end)` for the program."""

    widget = PeriodInput

    def __init__(self, **options: Any) -> None:
        super().__init__(fields=(DayField(), DayField()), **options)

    def compress(self, data_list: list[date]) -> tuple[date, date] | None:
        if not data_list:
            return None
        start, last = data_list
        if last < start:
            raise forms.ValidationError(_("The last day is before the first."))
        return start, last + timedelta(days=1)


class Lookup(forms.TextInput):
    """Text that completes itself from what a finder finds; without a script, one types the code."""

    template_name = "web/widgets/lookup.html"

    def __init__(self, kind: str) -> None:
        super().__init__(attrs={"autocomplete": "off"})
        self.kind = kind

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        url = reverse_lazy("console.lookup", args=[self.kind])
        return {**super().get_context(name, value, attrs), "url": url}


class LookupField(forms.CharField):
    """The code of something that a finder of this kind finds, such as `customers`."""

    def __init__(self, *, kind: str, **options: Any) -> None:
        super().__init__(widget=Lookup(kind), **options)


class _Several(forms.ClearableFileInput):
    allow_multiple_selected = True


class SeveralFiles(forms.FileField):
    """Any number of files."""

    widget = _Several

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        given = data if isinstance(data, list | tuple) else [data] if data else []
        return [super(SeveralFiles, self).clean(one, initial) for one in given]
