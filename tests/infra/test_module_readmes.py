"""The READMEs of the modules list every input and output there is."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _script() -> Any:
    spec = importlib.util.spec_from_file_location("modules", ROOT / "docs" / "modules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_their_tables_are_current() -> None:
    for page, text in _script().pages().items():
        assert page.read_text(encoding="utf-8") == text, f"{page}: run python docs/modules.py"


@pytest.mark.parametrize("module", ["modules/service", "modules/guard", "bootstrap"])
def test_every_input_and_output_is_listed(module: str) -> None:
    folder = ROOT / "infra" / module
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for file, kind in (("variables.tf", "variable"), ("outputs.tf", "output")):
        names = re.findall(rf'^{kind} "(\w+)"', (folder / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert names
        assert [name for name in names if f"| `{name}` |" not in readme] == []
