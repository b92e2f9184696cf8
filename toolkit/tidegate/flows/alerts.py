"""The alerts of a spec, as Terraform makes them of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tidegate.core.alerting import Rules
from tidegate.core.alerting.evaluation import root, rules
from tidegate.core.spec import Spec
from tidegate.flows.provision import without_image
from tidegate.ports import Terraform

Write = Callable[[Path, Mapping[str, str]], object]


def rules_of(
    spec: Spec, modules: Mapping[str, str], terraform: Terraform, directory: Path, write: Write
) -> Rules:
    """Has Terraform evaluate the queries of a spec in an empty `directory`, without a provider.

    `write` puts files by name into a directory. Raises InvalidInput, TerraformError, UsageError.
    """
    write(directory, root(without_image(spec), modules))
    terraform.init(directory)
    return rules(terraform.plan(directory).json, spec)
