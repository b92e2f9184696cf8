"""`tidegate resume`, `pause`, `abort` and `promote`: what a person says to a rollout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tidegate.cli import options
from tidegate.cli.subject import Subject, chosen_side_by_side
from tidegate.core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from tidegate.cli.talk import Talk
    from tidegate.flows.operate import Answer, Wish
    from tidegate.settings import Settings
    from tidegate.wiring import Connected

F = TypeVar("F", bound=Callable[..., Any])


def _common(command: F, check: Callable[..., None] = lambda **_: None) -> F:
    return chosen_side_by_side(check)(options.target(options.output(command)))


def _is_meant(*, force: bool, **_: Any) -> None:
    if not force:
        raise UsageError(
            "promote skips the steps and looks that are left",
            hint="`tidegate resume` goes on under the judge's eye; promote --force does not",
        )


@click.command()
@_common
def resume(subject: Subject, target: Any, local_directory: Any, form: str) -> int:
    """Go on with a rollout that is paused or held, or whose process died.

    Works from any machine that can reach the service. One that has ended is left as it is, and its own exit
    code is returned; one that somebody works on is not touched (10).
    """
    return _operate("resume", subject, target, local_directory, form)


@click.command()
@_common
def pause(subject: Subject, target: Any, local_directory: Any, form: str) -> int:
    """Stop a rollout where it is, until `tidegate resume`.

    Waits until the process that works on it has stopped; stands in for one that died. Does nothing where no
    rollout is under way.
    """
    return _operate("pause", subject, target, local_directory, form)


@click.command()
@click.option("--watch/--no-watch", default=True, help="Watch whether it helped.  [default: on]")
@click.option("--take-over", is_flag=True, help="Do not wait for the process that works on it.")
@_common
def abort(
    subject: Subject, watch: bool, take_over: bool, target: Any, local_directory: Any, form: str
) -> int:
    """Send all traffic back to the stable revision and end the rollout.

    Does nothing where no rollout is under way, so it can stand at the end of a workflow that always runs.
    """
    return _operate("abort", subject, target, local_directory, form, watch=watch, take_over=take_over)


@click.command()
@click.option("--force", is_flag=True, help="Yes, over the head of the judge.")
@partial(_common, check=_is_meant)
def promote(subject: Subject, force: bool, target: Any, local_directory: Any, form: str) -> int:
    """Send all traffic to the candidate, without judging it any further.

    A rollout that has ended is left as it is, and its own exit code is returned.
    """
    _is_meant(force=force)
    return _operate("promote", subject, target, local_directory, form)


def _operate(
    wish: Wish, subject: Subject, target: Any, local_directory: Any, form: str,
    *, watch: bool = True, take_over: bool = False,
) -> int:  # fmt: skip
    from tidegate import settings as reading
    from tidegate import wiring
    from tidegate.cli.progress import Display
    from tidegate.cli.talk import Talk
    from tidegate.flows.operate import Command, operate
    from tidegate.wiring.gates import check_environment

    settings = reading.read(target, local=local_directory)
    with Display() as display:
        talk = Talk(display)
        with wiring.connect(settings, talk, talk.say, subject.spec) as connected:
            job = replace(subject.job(settings), on_verdict=talk.look)
            command = Command(wish, subject.name, settings.owner, job, take_over, watch)
            if subject.spec is not None and wish == "resume":
                check_environment(subject.spec, settings)
            with connected.tools.interruption.installed():
                answer = operate(command, connected.tools)
            return _tell(wish, answer, subject, settings, connected, talk, form)


def _tell(
    wish: Wish, answer: Answer, subject: Subject, settings: Settings, connected: Connected, talk: Talk,
    form: str,
) -> int:  # fmt: skip
    from tidegate.cli.outcome import Ended, tell

    state = answer.state
    if state is not None and answer.evidence is not None and answer.job is not None:
        tell(Ended(state, answer.evidence, answer.job), subject, settings, connected, talk, form)
    elif form == "json":
        options.emit({"said": answer.sentence, "rollout": asdict(state) if state else None})
    else:
        click.echo(answer.sentence)
    return _code(wish, answer)


def _code(wish: Wish, answer: Answer) -> int:
    """Whether what was asked for is so; where it is not, how the rollout stands.

    Nothing is left to stop of a rollout that is over. Its promotion is another thing: whoever asks for that
    must hear that the candidate does not serve.
    """
    from tidegate.core.rollout import Phase

    state = answer.state
    wanted = {
        "pause": {Phase.PAUSED, Phase.HELD},
        "abort": {Phase.ABORTED, Phase.ROLLED_BACK, Phase.RECOVERED, Phase.PROMOTED},
        "promote": {Phase.PROMOTED},
        "resume": set(),
    }[wish]
    stopped = answer.over and wish in ("pause", "abort")
    if state is None or stopped or state.phase in wanted:
        return ExitCode.DONE
    return ExitCode.HELD if state.exit_code is None else state.exit_code
