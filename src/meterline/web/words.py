"""Texts of pages: plain, or translated when they are shown."""

from __future__ import annotations

from typing import TypeAlias

from django.utils.functional import Promise

Words: TypeAlias = "str | Promise"
