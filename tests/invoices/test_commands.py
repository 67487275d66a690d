"""The commands of invoices."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from meterline.invoices.commands import app
from meterline.invoices.errors import UnknownDocument, UnknownLine


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_list(story: list[str]) -> None:
    shown = _run("list", "--account", "A")
    assert shown.exit_code == 0
    assert all(number in shown.output for number in story)
    rows = json.loads(_run("list", "--json", "--limit", "2").output)
    assert [(row["number"], row["total"], row["open"]) for row in rows] == [
        ("2024/AC-00000001", "-1.22", "0.00"),
        ("2024/A-00000003", "139.96", "139.96"),
    ]
    assert json.loads(_run("list", "--account", "nobody", "--json").output) == []


def test_show(story: list[str]) -> None:
    shown = _run("show", story[2], "--usage")
    assert shown.exit_code == 0
    assert "Calls [/b]" in shown.output  # text, no markup
    assert "139,96" in shown.output
    assert "15.04.2024, 12:00:00" in shown.output
    assert json.loads(_run("show", story[2], "--json").output)["number"] == story[2]


def test_files(story: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "folder"
    for format in ("pdf", "html"):
        shown = _run(format, *story, "--output", str(folder))
        assert shown.exit_code == 0
    made = sorted(path.name for path in folder.iterdir())
    names = [number.replace("/", "-") for number in story]
    assert made == sorted(f"{name}.{format}" for name in names for format in ("pdf", "html"))
    assert _run("pdf", story[2], "--usage", "--output", str(tmp_path)).exit_code == 0
    long, short = tmp_path / f"{names[2]}.pdf", folder / f"{names[2]}.pdf"
    assert long.stat().st_size > short.stat().st_size


def test_explain(story: list[str]) -> None:
    shown = _run("explain", story[1])
    assert shown.exit_code == 0
    assert "4. Calls [/b] 2.40" in shown.output
    assert "round(240 * 0.01, 2, half_up) = 2.4" in shown.output
    (one,) = json.loads(_run("explain", story[2], "--line", "6", "--json").output)
    assert one["amount"] == "-6.67"
    assert one["explanation"]["expression"] == "-min(round(10 * 2/3, 2, half_up), 10)"


@pytest.mark.parametrize("command", ["show", "pdf", "html", "explain"])
def test_unknown_numbers(story: list[str], command: str, tmp_path: Path) -> None:
    output = ["--output", str(tmp_path)] if command in ("pdf", "html") else []
    result = _run(command, "X-1", *output)
    assert isinstance(result.exception, UnknownDocument)
    assert list(tmp_path.iterdir()) == []


def test_unknown_line(story: list[str]) -> None:
    assert isinstance(_run("explain", story[0], "--line", "9").exception, UnknownLine)


def test_how_to_runs_as_written(
    story: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    how_to = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "invoices.md"
    commands = re.findall(r"^    meterline invoice (.+)$", how_to.read_text("utf-8"), re.MULTILINE)
    assert len(commands) >= 8
    numbers = {"INV-00000012": story[2], "INV-00000013": story[3], "ACME": "A"}
    for command in commands:
        words = [numbers.get(word, word) for word in command.split()]
        result = _run(*words)
        assert result.exit_code == 0, (command, result.exception)
    assert len(list((tmp_path / "invoices").iterdir())) == 3
