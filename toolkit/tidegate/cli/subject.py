"""Which service a command is about: that of a spec, one named on the command line, or both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tidegate.cli import options
from tidegate.core.errors import UsageError

if TYPE_CHECKING:
    from tidegate.core.spec import Spec
    from tidegate.flows.job import Job
    from tidegate.ports import ServiceName
    from tidegate.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])
_SPEC = Path("tidegate.yaml")


@dataclass(frozen=True)
class Subject:
    """`spec` is None where the service was only named."""

    name: ServiceName
    spec: Spec | None
    environment: str | None = None

    def job(self, settings: Settings) -> Job:
        """What a rollout of it is about: as the spec says, or as is usual."""
        from tidegate import wiring

        job = wiring.job(self.spec) if self.spec else wiring.usual_job(settings, self.name)
        return replace(job, name=self.name)


Subjects = tuple[Subject, ...]
Several = Callable[[Subjects, Callable[[Subject], Any], Mapping[str, Any]], int]


def chosen(command: F) -> F:
    """The options that choose it; the command gets them as `subject`, read when it runs.

    For a spec of several regions without --region it runs once for each, one after the other.
    """
    from tidegate.cli.everywhere import one_after_the_other

    def several(subjects: Subjects, run: Callable[[Subject], Any], given: Mapping[str, Any]) -> int:
        runs = {subject.name.region: partial(run, subject) for subject in subjects}
        return one_after_the_other(runs, given["form"])

    return _with_options(command, several)


def chosen_side_by_side(check: Callable[..., None] = lambda **_: None) -> Callable[[F], F]:
    """As `chosen`, with a process for each region; `check` gets the options first, and may refuse."""
    from tidegate.cli.everywhere import side_by_side

    def several(subjects: Subjects, _: Callable[[Subject], Any], given: Mapping[str, Any]) -> int:
        check(**given)
        return side_by_side(tuple(subject.name.region for subject in subjects), given["form"])

    return lambda command: _with_options(command, several)


def chosen_alone(command: F) -> F:
    """As `chosen`, for one region at a time."""

    def several(subjects: Subjects, _: Callable[[Subject], Any], __: Mapping[str, Any]) -> int:
        names = ", ".join(subject.name.region for subject in subjects)
        raise UsageError("of which region? The spec has several", hint=f"add --region: {names}")

    return _with_options(command, several)


def _with_options(command: F, several: Several) -> F:
    import functools

    @click.option("--service", metavar="NAME", help="The service; else that of the spec.")
    @click.option("--project", metavar="ID", help="Its project.")
    @click.option("--region", metavar="REGION", help="Its region; else all of the spec.")
    @click.option(
        "-f", "--file", "file", type=click.Path(path_type=Path), metavar="FILE",
        help="A spec: names the service and how it is judged.  [default: tidegate.yaml, without --service]",
    )  # fmt: skip
    @click.option("--env", "environment", metavar="NAME", help="The environment of the spec.")
    @functools.wraps(command)
    def with_subject(
        *args: Any, service: str | None, project: str | None, region: str | None, file: Path | None,
        environment: str | None, **given: Any,
    ) -> Any:  # fmt: skip
        subjects = find(service, project, region, file, environment)
        if len(subjects) > 1:
            return several(subjects, lambda subject: command(*args, subject=subject, **given), given)
        return command(*args, subject=subjects[0], **given)

    return with_subject  # type: ignore[return-value]  # called by click, with these options


def find(
    service: str | None, project: str | None, region: str | None, file: Path | None, environment: str | None
) -> Subjects:
    """One, or one for each region of the spec.

    Raises UsageError for a service that is not fully named, and whatever is wrong with the spec.
    """
    from tidegate.ports import ServiceName

    if file is not None or service is None:
        from tidegate.flows.prepare import Source, read

        path = file or _SPEC
        spec = read(Source(options.read_file(path), str(path), environment))
        found = []
        for one in options.in_regions(spec, region if spec.regions else None):
            place = one.region if spec.regions else region or one.region
            name = ServiceName(project or one.project, place, service or one.service)
            found.append(Subject(name, one, environment))
        return tuple(found)
    if project is None or region is None:
        missing = " and ".join(o for o, v in (("--project", project), ("--region", region)) if v is None)
        raise UsageError(f"of which service {service}? {missing} missing", hint="or name a spec: -f FILE")
    return (Subject(ServiceName(project, region, service), None),)
