"""Packs the product: its translations are compiled first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

CATALOGUES = Path(__file__).parent / "src" / "meterline" / "platform" / "catalogues.py"


class Build(build_py):
    """Compiles the translations before the files are gathered."""

    def run(self) -> None:
        subprocess.run([sys.executable, CATALOGUES], check=True)
        super().run()


setup(cmdclass={"build_py": Build})
