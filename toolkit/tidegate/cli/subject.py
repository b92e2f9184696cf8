"""Which service a command is about: that of a spec, one named on the command line, or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tidegate.cli import options
from tidegate.core.errors import UsageError

if TYPE_CHECKING:
    from tidegate.core.spec import Spec
    from tidegate.ports import ServiceName

F = TypeVar("F", bound=Callable[..., Any])
_SPEC = Path("tidegate.yaml")


@dataclass(frozen=True)
class Subject:
    """`spec` is None where the service was only named."""

    name: ServiceName
    spec: Spec | None
    environment: str | None = None


def chosen(command: F) -> F:
    """The options that choose it; the command gets them as `subject`, read when it runs."""
    import functools

    @click.option("--service", metavar="NAME", help="The service; else that of the spec.")
    @click.option("--project", metavar="ID", help="Its project.")
    @click.option("--region", metavar="REGION", help="Its region.")
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
        return command(*args, subject=find(service, project, region, file, environment), **given)

    return with_subject  # type: ignore[return-value]  # called by click, with these options


def find(
    service: str | None, project: str | None, region: str | None, file: Path | None, environment: str | None
) -> Subject:
    """Raises UsageError for a service that is not fully named, and whatever is wrong with the spec."""
    from tidegate.ports import ServiceName

    if file is not None or service is None:
        from tidegate.flows.deploy import name_of
        from tidegate.flows.prepare import Source, read

        path = file or _SPEC
        spec = read(Source(options.read_file(path), str(path), environment))
        known = name_of(spec)
        name = ServiceName(project or known.project, region or known.region, service or known.service)
        return Subject(name, spec, environment)
    if project is None or region is None:
        missing = " and ".join(o for o, v in (("--project", project), ("--region", region)) if v is None)
        raise UsageError(f"of which service {service}? {missing} missing", hint="or name a spec: -f FILE")
    return Subject(ServiceName(project, region, service), None)
