"""What a hook is told, and the run of all hooks of one moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tidegate.core.rollout import State
from tidegate.ports import Hook, HookResult, Hooks, Moment, ServiceName


def context(name: ServiceName, state: State, moment: Moment, url: str = "") -> Mapping[str, str]:
    """Texts only, empty where there is nothing (yet). `url` is the candidate's tag address.

    Commands see them as TIDEGATE_…, HTTP calls as JSON.
    """
    return {
        "hook": str(moment),
        "service": name.service,
        "project": name.project,
        "region": name.region,
        "rollout": state.id,
        "owner": state.owner,
        "stable": state.stable,
        "candidate": state.candidate,
        "url": url,
        "phase": str(state.phase),
        "percent": str(state.percent),
        "reason": state.reason,
        "exit_code": "" if state.exit_code is None else str(int(state.exit_code)),
    }


def run(
    hooks: Hooks,
    wanted: Sequence[Hook],
    told: Mapping[str, str],
    moment: Moment,
    report: Callable[[HookResult], None] = lambda _: None,
) -> str:
    """Runs the hooks of `moment` in their order; returns the sentence of the first that failed, if any.

    The first failure ends it, except after a rollout, when every hook has its turn.
    """
    failure = ""
    for hook in wanted:
        if hook.when is not moment or (failure and moment is not Moment.AFTER):
            continue
        result = hooks.run(hook, told)
        report(result)
        if not result.ok:
            failure = failure or result.sentence
    return failure
