"""`tidegate alerts`: the rules of a spec by the terraform of this machine, and the promtool to try them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.core.alerting import Rules
    from tidegate.core.spec import Spec
    from tidegate.settings import Settings


def rules(spec: Spec, settings: Settings) -> Rules:
    """The alerts as a deployment of this spec would make them, whatever the target. Takes a second, and asks
    nobody. Raises InvalidInput, TerraformError, UsageError."""
    from tidegate.adapters import rootdir
    from tidegate.adapters.scratch import scratch
    from tidegate.adapters.terraform import TerraformCli, find
    from tidegate.flows.alerts import rules_of

    # Workspaces, data directories and arguments of the user's are about roots of theirs, not about this one.
    own = {name: value for name, value in settings.environment.items() if not name.startswith("TF_")}
    terraform = TerraformCli(lambda: find(settings.environment), environment=own)
    with scratch("alerts") as place:
        return rules_of(spec, rootdir.module_texts(), terraform, place / "rules", rootdir.write)


def check_rules(settings: Settings) -> Callable[[Mapping[str, str], Sequence[str]], str]:
    """Runs promtool. Raises UsageError where there is none."""
    from functools import partial

    from tidegate.adapters import promtool

    program = promtool.find(settings.environment)
    return partial(promtool.check_rules, program, environment=settings.environment)
