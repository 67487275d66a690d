"""The documentation is true: links resolve, commands and options exist, the tutorial runs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from meterline.cli import GROUPS, app
from meterline.platform.embedded import stop

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "src").rglob("README.md")]
)
COMMAND = re.compile(r"^(?:meterline|\.venv/bin/meterline) (.+)$", re.MULTILINE)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands(page: Path) -> list[list[str]]:
    """The words of each `meterline` command in the page's blocks."""
    blocks = re.findall(r"```(?:sh|console)?\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    lines = "\n".join(
        line.strip().removeprefix("$ ") for block in blocks for line in block.split("\n")
    )
    return [shlex.split(found, comments=True) for found in COMMAND.findall(lines)]


def parsed(words: list[str]) -> Any:
    """The command that the words name, and their options."""
    from importlib import import_module

    while words and words[0].startswith("--"):
        words = words[2:] if words[0] in ("--home", "--at") else words[1:]
    module, attribute, _ = GROUPS[words[0]]
    found = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False)
        single.command(words[0])(found)
        return typer.main.get_command(single), words[1:]
    group = typer.main.get_command(found)
    command = group.commands.get(words[1])  # type: ignore[attr-defined]
    assert command is not None, f"no command {' '.join(words[:2])}"
    rest = words[2:]
    while rest and rest[0] in getattr(command, "commands", {}):
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_resolve(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8"))
    broken = [
        target
        for target in targets
        if not target.startswith(("http://", "https://")) and not (page.parent / target).exists()
    ]
    assert broken == []


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=name)
def test_commands_and_options_exist(page: Path) -> None:
    for words in commands(page):
        command, rest = parsed(words)
        known = {option for parameter in command.params for option in parameter.opts}
        given = {word.split("=")[0] for word in rest if word.startswith("--")}
        assert given <= known | {"--help"}, (words, sorted(known))


def test_every_make_target_of_the_docs_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        named = re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE)
        assert set(named) <= targets, name(page)


def test_the_command_line_lists_every_group() -> None:
    assert app.info.cls is not None
    done = subprocess.run(
        [sys.executable, "-m", "meterline", "--help"], capture_output=True, text=True, check=True
    )
    assert all(group in done.stdout for group in GROUPS)


def played(page: Path, folder: Path) -> str:
    """What the page's commands print, run one after the other in a folder."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment.pop("METERLINE_DATABASE_URL", None)
    done = subprocess.run(
        ["bash", "-ec", "\n".join(blocks)], cwd=folder, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
def test_a_tariff_gets_from_idea_to_publication(tmp_path: Path) -> None:
    page = ROOT / "docs" / "how-to" / "test-a-tariff.md"
    shown = re.findall(r"```text\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    try:
        printed = played(page, tmp_path)
        missing = [line for block in shown for line in block.splitlines() if line not in printed]
        assert missing == []
        header, *bills = (tmp_path / "bills.csv").read_text().splitlines()
        assert header.startswith("account,currency,net_now")
        assert [row.split(",")[0] for row in bills] == ["ann", "bob"]
    finally:
        stop(tmp_path / "data" / "postgresql")


@pytest.mark.slow
def test_the_tutorial_runs(tmp_path: Path) -> None:
    try:
        assert "€52.36" in played(ROOT / "docs" / "tutorial" / "first-bill.md", tmp_path)
        assert (tmp_path / "first" / "ACME-00000001.pdf").read_bytes().startswith(b"%PDF")
    finally:
        stop(tmp_path / "first" / "data" / "postgresql")


@pytest.mark.slow
def test_usage_is_sent_over_http(tmp_path: Path) -> None:
    try:
        printed = played(ROOT / "docs" / "how-to" / "send-usage.md", tmp_path)
        assert '"rated": 2, "rejected": 1, "duplicates": 1' in printed
        assert '"events": 2, "quantity": "2"' in printed
        assert "unknown_identifier" in printed
    finally:
        stop(tmp_path / "data" / "postgresql")


@pytest.mark.slow
def test_a_home_is_billed_from_meter_reads(tmp_path: Path) -> None:
    page = ROOT / "docs" / "how-to" / "bill-from-meter-reads.md"
    shown = re.findall(r"```text\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    try:
        printed = played(page, tmp_path)
        missing = [line for block in shown for line in block.splitlines() if line not in printed]
        assert missing == []
        assert "estimated" in printed
    finally:
        stop(tmp_path / "data" / "postgresql")
