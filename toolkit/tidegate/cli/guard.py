"""`tidegate guard`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tidegate.cli import options, times
from tidegate.cli.subject import Subject, chosen
from tidegate.core.errors import UsageError

if TYPE_CHECKING:
    from tidegate.core.guard import Watch
    from tidegate.flows.guard import Guarded


@click.command()
@chosen
@options.target
@click.option(
    "--window", metavar="TIME", callback=times.length,
    help="How much of the past is judged, such as 6h.  [default: the spec's, or 6h]",
)  # fmt: skip
@click.option(
    "--until", metavar="TIME", callback=times.length,
    help="How long after it got all traffic a revision is watched.  [default: the spec's, or 72h]",
)  # fmt: skip
@click.option(
    "--rollback/--no-rollback", "back", default=None,
    help="Send the traffic back when it leaks.  [default: as the spec says, else not]",
)  # fmt: skip
@options.output
def guard(
    subject: Subject, target: Any, local_directory: Any, window: float | None, until: float | None,
    back: bool | None, form: str,
) -> int:  # fmt: skip
    """Look once more at the revision in charge, hours after its rollout: slow leaks show late.

    Ends with 0 when nothing is against it or nothing is to be watched, 6 when the traffic was sent back, 7
    when a person is needed, 8 when it is not certain or a rollback would not help.
    """
    from tidegate import settings as reading
    from tidegate import wiring
    from tidegate.cli.progress import Display
    from tidegate.cli.talk import Talk
    from tidegate.flows.guard import guard as run

    watch, allowed = _watch(subject, window, until), _allowed(subject, back)
    settings = reading.read(target, local=local_directory)
    with Display() as display:
        talk = Talk(display)
        with (
            wiring.connect(settings, talk, talk.say, subject.spec) as connected,
            connected.tools.interruption.installed(),
        ):
            found = run(
                subject.job(settings), watch, connected.tools,
                owner=f"guard for {settings.owner}", may_roll_back=allowed,
            )  # fmt: skip
    if form == "json":
        options.emit(_data(subject, found))
    else:
        click.echo("\n".join(_lines(found)))
    return found.code


def _watch(subject: Subject, window: float | None, until: float | None) -> Watch:
    from tidegate.core.guard import Watch

    given = subject.spec.guard if subject.spec else None
    usual = Watch(given.window, given.until) if given else Watch()
    try:
        return Watch(window or usual.window, until or usual.until)
    except ValueError as error:
        raise UsageError(
            "--window is longer than --until", hint="a window is a part of the time that is watched"
        ) from error


def _allowed(subject: Subject, back: bool | None) -> bool:
    if subject.spec is None:
        return bool(back)
    if back and not subject.spec.guard.rollback:
        raise UsageError(
            "the spec does not allow the guard to roll back", hint="write guard: {rollback: true} there"
        )
    return subject.spec.guard.rollback if back is None else back


def _lines(found: Guarded) -> list[str]:
    lines = [found.sentence]
    if found.verdict is not None:
        lines += [f"  {m.metric} {m.finding}: {m.sentence}" for m in found.verdict.metrics]
    if found.ended is not None:
        lines.append(f"  rollback {found.ended.state.phase}: {found.ended.state.reason}")
    return lines


def _data(subject: Subject, found: Guarded) -> dict[str, Any]:
    verdict, ended = found.verdict, found.ended
    return {
        "service": subject.name.service,
        "project": subject.name.project,
        "region": subject.name.region,
        "revision": found.revision or None,
        "alarm": None if found.alarm is None else str(found.alarm),
        "said": found.sentence,
        "exit_code": int(found.code),
        "metrics": {} if verdict is None else {
            m.metric: {"finding": str(m.finding), "sentence": m.sentence} for m in verdict.metrics
        },
        "rollback": None if ended is None else {
            "phase": str(ended.state.phase), "to": ended.state.stable, "reason": ended.state.reason,
        },
    }  # fmt: skip
