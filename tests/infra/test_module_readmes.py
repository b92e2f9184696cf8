"""The READMEs of the modules list every input and output there is; that they are current is in test_docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

INFRA = Path(__file__).resolve().parents[2] / "infra"


@pytest.mark.parametrize("module", ["modules/service", "modules/guard", "bootstrap"])
def test_every_input_and_output_is_listed(module: str) -> None:
    folder = INFRA / module
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for file, kind in (("variables.tf", "variable"), ("outputs.tf", "output")):
        names = re.findall(rf'^{kind} "(\w+)"', (folder / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert names
        assert [name for name in names if f"| `{name}` |" not in readme] == []
