"""The texts of the product in its languages: `make messages` collects them, `make setup` compiles.

`python -m meterline.platform.messages` reads every text of templates and code into the catalogues
`locale/<language>/LC_MESSAGES/django.po`, keeping what is translated, and says what is missing;
with `compile` it writes the `.mo` files that Django reads. No program of the system is needed.

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

from babel.messages import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

PACKAGE = Path(__file__).resolve().parents[1]
LOCALE = PACKAGE / "locale"
LANGUAGES = ("de", "fr", "it", "es")
FUNCTIONS = ("gettext", "ngettext", "pgettext", "npgettext")
_Found = tuple[
    str, int, "str | tuple[str, ...]", str | None
]  # file, line, text or plurals, context


def template() -> Catalog:
    """Every text of the product, without translations."""
    catalog = Catalog(project="Meterline", charset="utf-8")
    for file, line, text, context in _texts():
        catalog.add(text, locations=[(file, line)], context=context)
    return catalog


def read(language: str) -> Catalog:
    """The catalogue of a language; an empty one where there is none yet."""
    path = _path(language)
    if not path.exists():
        return Catalog(locale=language)
    return read_po(io.BytesIO(path.read_bytes()), locale=language)


def missing(catalog: Catalog, texts: Catalog) -> list[str]:
    """What a catalogue lacks: texts without a translation, fuzzy ones, other placeholders."""
    faults = []
    for message in texts:
        if not message.id:
            continue
        found = catalog.get(message.id, message.context)
        fault = _fault(found)
        if fault:
            where = ", ".join(f"{file}:{line}" for file, line in message.locations[:2])
            faults.append(f"{fault}: {message.id!r} ({where})")
    return faults


def update() -> int:
    """Bring the texts of today into all catalogues; gives how many translations are missing."""
    texts = template()
    count = 0
    for language in LANGUAGES:
        catalog = read(language)
        catalog.update(texts, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        _write(language, catalog)
        lacks = missing(catalog, texts)
        count += len(lacks)
        sys.stderr.write("".join(f"{language}: {line}\n" for line in lacks))
    return count


def compile_all() -> None:
    """Write the `.mo` files of catalogues that changed since."""
    for language in LANGUAGES:
        source = _path(language)
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        written = io.BytesIO()
        write_mo(written, read(language))
        partial = target.with_suffix(".part")
        partial.write_bytes(written.getvalue())
        partial.replace(target)


def _fault(found: Message | None) -> str | None:
    if found is None:
        return "not collected"
    translated = found.string if isinstance(found.string, tuple) else (found.string,)
    if not all(translated):
        return "not translated"
    if found.fuzzy:
        return "fuzzy"
    ids = found.id if isinstance(found.id, tuple) else (found.id,)
    wanted = _placeholders(ids[-1])
    if any(_placeholders(text) != wanted for text in translated):
        return "other placeholders"
    return None


def _placeholders(text: str) -> set[str]:
    import re

    return set(re.findall(r"%\(\w+\)[sd]|%[sd]|\{\w*\}", text))


def _path(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def _write(language: str, catalog: Catalog) -> None:
    written = io.BytesIO()
    write_po(written, catalog, width=100, omit_header=False, include_lineno=False, sort_output=True)
    path = _path(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written.getvalue())


def _texts() -> Iterator[_Found]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if "migrations" not in path.parts:
            yield from _of_code(path)
            yield from _of_declared(path)
    for path in sorted(PACKAGE.rglob("templates/**/*.html")):
        yield from _of_template(path)


def _of_code(path: Path) -> Iterator[_Found]:
    code = path.read_text("utf-8")
    yield from _called(path, code, _imported(code))


def _imported(code: str) -> dict[str, str]:
    """What a module calls the functions that translate: own name -> theirs."""
    names = {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
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
    found = extract_python(io.BytesIO(code.encode()), list(names), [], {"encoding": "utf-8"})
    for line, function, given, _comments in found:
        texts = [text for text in (given if isinstance(given, tuple) else (given,)) if text]
        if not texts:
            continue
        kind = names[function]
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
    if sys.argv[1:] == ["compile"]:
        compile_all()
    else:
        sys.exit(1 if update() else 0)
