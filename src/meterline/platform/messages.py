"""The texts of the product: `make messages` collects them from templates and code.

It brings them into the catalogues (`catalogues.py`), keeps what is translated, and says what is
missing.

What counts as a text: what stands in `{% translate %}`, `{% blocktranslate %}` and `_()`; the
docstrings of business errors, which are their messages; and what price models say of themselves and
of their parameters, which are the hints of forms.
"""

from __future__ import annotations

import ast
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages import Catalog
from babel.messages.extract import extract_python
from django.utils.translation.template import templatize

from meterline.platform.catalogues import LANGUAGES, missing, read, write

PACKAGE = Path(__file__).resolve().parents[1]
FUNCTIONS = ("gettext", "ngettext", "pgettext", "npgettext")
MODULES = ("django.utils.translation", "meterline.kernel.words")
_Found = tuple[str, int, Any, str | None]  # file, line, text (or one and many), context


def template() -> Catalog:
    """Every text of the product, without translations."""
    catalog = Catalog(project="Meterline", charset="utf-8")
    for file, line, text, context in _texts():
        catalog.add(text, locations=[(file, line)], context=context)
    return catalog


def update() -> int:
    """Bring the texts of today into all catalogues; gives how many translations are missing."""
    texts = template()
    count = 0
    for language in LANGUAGES:
        catalog = read(language)
        catalog.update(texts, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        write(language, catalog)
        lacks = missing(catalog, texts)
        count += len(lacks)
        sys.stderr.write("".join(f"{language}: {line}\n" for line in lacks))
    return count


def _texts() -> Iterator[_Found]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if "migrations" not in path.parts:
            yield from _of_code(path)
            yield from _of_declared(path)
    for path in sorted(PACKAGE.rglob("templates/**/*")):
        if path.suffix in (".html", ".txt"):
            yield from _of_template(path)


def _of_code(path: Path) -> Iterator[_Found]:
    code = path.read_text("utf-8")
    yield from _called(path, code, _imported(code))


def _imported(code: str) -> dict[str, str]:
    """What a module calls the functions that translate: own name -> theirs."""
    names = {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for one in node.names:
                kind = one.name.removesuffix("_lazy").removesuffix("_noop")
                if kind in FUNCTIONS:
                    names[one.asname or one.name] = kind
    return names


def _of_template(path: Path) -> Iterator[_Found]:
    """The tags of a template as calls, in brackets so that indentation means nothing."""
    names = {**{name: name for name in FUNCTIONS}, "_": "gettext"}
    yield from _called(path, f"({templatize(path.read_text('utf-8'))})", names)


def _called(path: Path, code: str, names: dict[str, str]) -> Iterator[_Found]:
    name = str(path.relative_to(PACKAGE))
    wanted: Any = dict.fromkeys(names)
    found = extract_python(io.BytesIO(code.encode()), wanted, [], {"encoding": "utf-8"})
    for line, function, given, _comments in found:
        texts: list[Any] = [one for one in (given if isinstance(given, tuple) else (given,)) if one]
        if not texts:
            continue
        kind = names[str(function)]
        context = texts.pop(0) if "pgettext" in kind else None
        yield name, line, tuple(texts[:2]) if kind.startswith("n") else texts[0], context


def _of_declared(path: Path) -> Iterator[_Found]:
    """Messages of business errors (classes with a `code`), and the hints of price models."""
    name = str(path.relative_to(PACKAGE))
    of_models = name.startswith("pricing/")
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        told: str | None = None
        if isinstance(node, ast.ClassDef):
            told = ast.get_docstring(node) or ""
            if of_models and node.name.endswith("Parameters"):
                told = told.split("\n")[0]
            elif not _has_code(node):
                told = None
        elif of_models and isinstance(node, ast.keyword) and node.arg == "description":
            told = ast.literal_eval(node.value)
        if told:
            yield name, getattr(node, "lineno", 0), " ".join(told.split()), None


def _has_code(node: ast.ClassDef) -> bool:
    return any(
        isinstance(line, ast.Assign)
        and isinstance(line.targets[0], ast.Name)
        and line.targets[0].id == "code"
        and isinstance(line.value, ast.Constant)
        for line in node.body
    )


if __name__ == "__main__":
    sys.exit(1 if update() else 0)
