"""`terraform test` in each module, as whoever takes only the module runs it, and its runnable examples."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.provider_runs import Folder

if TYPE_CHECKING:
    from infra.conftest import Cloud

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH"),
]

INFRA = Path(__file__).resolve().parents[2] / "infra"
MODULES = ("modules/service", "modules/guard", "bootstrap")
EXAMPLES = sorted(
    str(path.relative_to(INFRA)) for module in MODULES for path in (INFRA / module).glob("examples/*")
)


def copied(cloud: Cloud, module: str, inside: str = "") -> Folder:
    target = cloud.place / module
    shutil.copytree(INFRA / module, target)
    folder = Folder(target / inside, cloud.provider, environment={"GOOGLE_OAUTH_ACCESS_TOKEN": "x"})
    folder.init()
    return folder


@pytest.mark.parametrize("module", MODULES)
def test_the_tests_of_a_module_pass_and_refuse_every_wrong_argument(module: str, cloud: Cloud) -> None:
    said = copied(cloud, module).run("test", "-no-color")
    assert "Success!" in said
    assert "0 failed" in said
    text = (INFRA / module / "variables.tf").read_text(encoding="utf-8")
    [tests] = (INFRA / module / "tests").glob("*.tftest.hcl")
    refused = tests.read_text(encoding="utf-8")
    for block in text.split('\nvariable "'):
        name = block.removeprefix('variable "').partition('"')[0]
        if "validation {" in block:
            assert f"var.{name}]" in refused, f"no test has {name} refused"


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_planned_applied_and_settled(example: str, cloud: Cloud) -> None:
    module, _, inside = example.partition("/examples/")
    folder = copied(cloud, module, f"examples/{inside}")
    folder.plan(code=2)
    folder.apply()
    folder.plan(code=0)
