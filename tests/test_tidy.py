"""The house stays tidy: sizes, purity, a README in every room, nothing dead, no stray words."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "meterline"
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if "migrations" not in p.parts)
TESTS = sorted((ROOT / "tests").rglob("*.py"))
ROOMS = sorted(
    p for p in PACKAGE.iterdir() if p.is_dir() and p.name not in ("__pycache__", "platform")
)
PLUGIN_FOLDERS = ("pricing/models", "usage/formats", "invoices/formats", "ledger/exports",
                  "scenario/play", "console/pages", "portal/pages", "catalog/pages",
                  "authoring/pages", "insight/pages", "billing/pages", "invoices/pages",
                  "usage/pages", "usage/streams", "reads/pages", "web/templatetags")  # fmt: skip
FOUND_BY_NAME = {"models.py", "apps.py", "commands.py", "__main__.py", "settings.py", "pages.py",
                 "jobs.py", "urls.py", "asgi.py", "api.py"}  # fmt: skip
# found by Django, the worker, cli, python -m

PURE = [
    *(PACKAGE / "kernel").rglob("*.py"),
    *(PACKAGE / "pricing").rglob("*.py"),
    *(PACKAGE / "rating").rglob("*.py"),
    *(PACKAGE / "billing" / "charges").glob("*.py"),
    *(
        PACKAGE / name
        for name in (
            "billing/diff.py", "billing/document.py", "billing/frames.py", "billing/price_lines.py",
            "billing/meter_reads.py",
            "billing/propose.py", "billing/reconcile.py", "billing/spans.py",
            "ledger/posting.py", "ledger/recognition.py", "payments/allocate.py",
            "payments/credit.py", "catalog/check_terms.py",
            "invoices/explain.py", "invoices/document.py", "invoices/texts.py",
            "subscriptions/timeline.py", "subscriptions/decide.py", "subscriptions/periods.py",
            "subscriptions/log.py", "subscriptions/terms.py", "catalog/indexation.py",
            "usage/process.py", "usage/normalise.py", "usage/guide.py", "usage/deduplicate.py",
            "usage/murmur.py",
            "usage/place.py", "usage/totals.py",
            "usage/settle.py", "usage/again.py", "usage/stake.py", "usage/grants.py",
            "usage/sequence.py", "usage/units.py", "usage/ber.py",
            "catalog/resolve.py", "catalog/compare.py",
            "reads/frames.py", "reads/standing.py", "reads/weigh.py", "reads/points.py",
            "reads/convert.py", "reads/pieces.py", "reads/splits.py", "reads/validate.py",
            "reads/normalise.py",
            "insight/window.py", "insight/segment.py", "insight/compare.py", "insight/rerate.py",
            "insight/movements.py",
        )
    ),
]  # fmt: skip
IMPURE_CALLS = {"print", "open", "input", "exec", "eval"}
IMPURE_ATTRIBUTES = {"now", "today", "utcnow", "cursor", "objects"}
IMPURE_IMPORTS = (
    "django",
    "psycopg",
    "os",
    "socket",
    "requests",
    "subprocess",
    "meterline.platform",
)


def text(path: Path) -> str:
    return path.read_text("utf-8")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_files_are_short() -> None:
    lengths = {name(p): text(p).count("\n") for p in [*MODULES, *TESTS]}
    assert {n: lines for n, lines in lengths.items() if lines > 500} == {}
    median = statistics.median(lengths[name(p)] for p in MODULES)
    assert median <= 150


def test_functions_are_short() -> None:
    long = {
        f"{name(p)}:{f.name}": f.end_lineno - f.lineno + 1
        for p in [*MODULES, *TESTS]
        for f in functions(p)
        if f.end_lineno is not None and f.end_lineno - f.lineno + 1 > 70
    }
    assert long == {}


def test_lines_are_short() -> None:
    long = [
        f"{name(p)}:{number}"
        for p in [*MODULES, *TESTS]
        for number, line in enumerate(text(p).splitlines(), start=1)
        if len(re.sub(r"\s+# (fmt: |noqa|type: ).*", "", line)) > 100
    ]
    assert long == []


@pytest.mark.parametrize("path", PURE, ids=name)
def test_pure_modules_are_pure(path: Path) -> None:
    found = []
    for node in ast.walk(ast.parse(text(path))):
        match node:
            case ast.Import(names=names):
                found += [n.name for n in names if n.name.split(".")[0] in IMPURE_IMPORTS]
            case ast.ImportFrom(module=str(module)) if module.startswith(IMPURE_IMPORTS):
                found.append(module)
            case ast.Call(func=ast.Name(id=called)) if called in IMPURE_CALLS:
                found.append(called)
            case ast.Call(func=ast.Attribute(attr=called)) if called in IMPURE_ATTRIBUTES:
                found.append(called)
    assert found == []


@pytest.mark.parametrize("path", PURE, ids=name)
def test_no_money_in_binary_floating_point(path: Path) -> None:
    """`float(...)` and columns of Float64 are for comparing only, and say so where they stand."""
    lines = text(path).splitlines()
    found = [
        number
        for number, line in enumerate(lines, start=1)
        if re.search(r"\bfloat\(|pl\.Float\d\d", line)
        and not any("only compared" in near for near in lines[max(0, number - 4) : number + 1])
    ]
    assert found == []


@pytest.mark.parametrize("room", ROOMS, ids=name)
def test_every_room_has_a_readme(room: Path) -> None:
    assert (room / "README.md").is_file()


def test_nothing_is_dead() -> None:
    """Every module is imported by another, found by a registry, named by settings, or a command."""
    imported: set[str] = set()
    for path in [*MODULES, *TESTS, *sorted((ROOT / "benchmarks").glob("*.py"))]:
        for node in ast.walk(ast.parse(text(path))):
            if isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module)
                imported |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
    by_name = ("cli.py", "platform/settings.py", "platform/sign_in.py")
    mentioned = "".join(text(PACKAGE / path) for path in by_name) + text(ROOT / "Makefile")
    dead = [
        name(path)
        for path in MODULES
        if (dotted := "meterline." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts))
        and path.name not in FOUND_BY_NAME | {"__init__.py"}
        and str(path.parent.relative_to(PACKAGE)) not in PLUGIN_FOLDERS
        and dotted not in imported
        and dotted not in mentioned
    ]
    assert dead == []


def test_public_things_say_what_they_are() -> None:
    bare = []
    for path in MODULES:
        tree = ast.parse(text(path))
        if path.name != "__init__.py" and ast.get_docstring(tree) is None:
            bare.append(name(path))
        bare += [
            f"{name(path)}:{node.name}"
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and ast.get_docstring(node) is None
        ]
    assert bare == []


def test_no_stray_words() -> None:
    """Nothing left to do, no path of a machine, no address of a registry."""
    stray = [
        "TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error", "/wo" + "rk/", "/ro" + "ot/",
        "py" + "pi.org", "files.python" + "hosted", "npm" + "js.", "except Ex" + "ception:\n",
    ]  # fmt: skip
    found = [
        f"{name(path)}: {word}"
        for path in tracked()
        if path.suffix not in (".png", ".pdf", ".gz", ".zst")
        for word in stray
        if word in path.read_text("utf-8", errors="replace")
    ]
    assert found == []
