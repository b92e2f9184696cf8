"""The modules as texts: layout, syntax, order, and the examples of their READMEs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import hcl2
import pytest

from tidegate.adapters import rootdir

if TYPE_CHECKING:
    from infra.conftest import Cloud

TEXTS = rootdir.module_texts()
needs_terraform = pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH")


@pytest.mark.terraform
@needs_terraform
def test_they_are_laid_out_as_terraform_would(tmp_path: Path) -> None:
    for path, text in TEXTS.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-diff", "-recursive", str(tmp_path)],
        env={**os.environ, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [path for path in TEXTS if path.endswith(".tf")])
def test_python_hcl2_reads_them(path: str) -> None:
    assert hcl2.loads(TEXTS[path])


@pytest.mark.parametrize("module", ["service", "monitoring", "guard"])
def test_variables_and_outputs_are_sorted_and_described(module: str) -> None:
    for name, block in (("variables.tf", "variable"), ("outputs.tf", "output")):
        text = TEXTS[f"{module}/{name}"]
        names = re.findall(rf'^{block} "(\w+)"', text, re.MULTILINE)
        assert names == sorted(names)
        described = re.findall(r'^  description = "(.+)"$', text, re.MULTILINE)
        assert len(described) == len(names)
        assert all(sentence.endswith(".") for sentence in described)
    variables = re.split(r"^(?=variable )", TEXTS[f"{module}/variables.tf"], flags=re.MULTILINE)[1:]
    for variable in variables:
        assert re.search(r"^  nullable\s+= false$", variable, re.MULTILINE), variable


@pytest.mark.terraform
@needs_terraform
@pytest.mark.parametrize("module", ["service", "monitoring"])
def test_the_example_of_a_readme_works(module: str, cloud: Cloud) -> None:
    [example] = re.findall(r"^```hcl\n(.*?)^```", TEXTS[f"{module}/README.md"], re.MULTILINE | re.DOTALL)
    folder = cloud.root(module, example)
    folder.run("fmt", "-check", "-diff")
    folder.apply()
    folder.plan(code=0)
