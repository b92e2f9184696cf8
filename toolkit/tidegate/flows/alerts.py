"""The alerts of a spec, as Terraform makes them of it, and what Prometheus makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from tidegate.core.alerting import Rules
from tidegate.core.alerting.assessment import Assessment, assess
from tidegate.core.alerting.cases import Placed
from tidegate.core.alerting.evaluation import root, rules
from tidegate.core.alerting.stretches import healthy, of_cases, troubles
from tidegate.core.alerting.trial import Fired, Stretch, complaint, fired, trial
from tidegate.core.errors import Fault, InvalidInput, UsageError
from tidegate.core.spec import Spec
from tidegate.flows.provision import without_image
from tidegate.ports import Terraform

Write = Callable[[Path, Mapping[str, str]], object]
CheckRules = Callable[[Mapping[str, str], Sequence[str]], str]
"""Texts by name and the names of the tests among them → all that promtool said."""
Task = Callable[[str], AbstractContextManager[object]]
"""What is under way, for whoever watches."""


def rules_of(
    spec: Spec, modules: Mapping[str, str], terraform: Terraform, directory: Path, write: Write
) -> Rules:
    """Has Terraform evaluate the queries of a spec in an empty `directory`, without a provider.

    `write` puts files by name into a directory. Raises InvalidInput, TerraformError, UsageError.
    """
    write(directory, root(without_image(spec), modules))
    terraform.init(directory)
    return rules(terraform.plan(directory).json, spec)


def try_alerts(
    spec: Spec, found: Rules, kinds: Sequence[str], cases: Sequence[Placed], check: CheckRules, task: Task
) -> Assessment:
    """Lets those of the kinds that are on live through troubles, healthy lives and the cases.

    Raises InvalidInput for a case that Prometheus cannot run, UsageError for a promtool that is of no use.
    """
    lively = [kind for kind in found.kinds if kind in kinds]
    on = [placed for placed in cases if placed.case.alert in lively]
    own, bad, good = of_cases(found, on), troubles(found, lively), healthy(found, lively)
    seen: dict[tuple[str, str, str], int] = {}
    # One's own first: they are what is being worked on, and what is wrong with them is known at once.
    if own:
        with task(f"{_counted(len(own), 'case')} of your own"):
            seen |= _of_own(own, found, on, check)
    if bad:
        alerts = _counted(len(bad), "alert")
        with task(f"{alerts} in trouble"):
            seen |= _run(bad, found, check)
        with task(f"{alerts} in {_counted(len(good), 'healthy life', 'healthy lives')}"):
            seen |= _run(good, found, check)
    return assess(found, kinds, good, cases, seen, spec.alerts)


def _run(stretches: Sequence[Stretch], found: Rules, check: CheckRules) -> Fired:
    made = trial(stretches, found)
    answer = check(made.files, made.tests)
    seen, unread = fired(made, answer)
    if unread:
        raise UsageError(
            f"promtool cannot run {unread[0]!r}: {complaint(answer) or 'it says nothing of it'}",
            hint="tidegate is tested with Prometheus 2.42; promtool --version says which this is",
        )
    return seen


def _of_own(own: Sequence[Stretch], found: Rules, cases: Sequence[Placed], check: CheckRules) -> Fired:
    """All at once; where promtool refuses one of them, one after the other, to know which."""
    made = trial(own, found)
    seen, unread = fired(made, check(made.files, made.tests))
    if not unread:
        return seen
    faults = []
    for stretch, placed in zip(own, cases, strict=True):
        alone = trial([stretch], found)
        answer = check(alone.files, alone.tests)
        if fired(alone, answer)[1]:
            said = complaint(answer) or "promtool says nothing of it"
            faults.append(
                Fault(placed.path, placed.line, placed.column, f"Prometheus cannot run this case: {said}")
            )
    if not faults:
        raise UsageError("promtool does not run the cases of your own", hint="try fewer of them at a time")
    raise InvalidInput(tuple(faults))


def _counted(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"
