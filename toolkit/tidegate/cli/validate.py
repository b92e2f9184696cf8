"""`tidegate validate` and `tidegate explain`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli import options
from tidegate.core.errors import ExitCode, TerraformError

if TYPE_CHECKING:
    from tidegate.core.policy import Finding
    from tidegate.core.spec import Spec
    from tidegate.flows.prepare import Prepared
    from tidegate.ports import Diagnostic
    from tidegate.settings import Settings


_OFFLINE = "Terraform downloads its provider; without a network use --target local, or --no-terraform"


@click.command()
@options.spec_file
@options.image
@options.region
@options.target
@click.option(
    "--terraform/--no-terraform", default=True, help="Also run `terraform validate`.  [default: on]"
)
@options.output
def validate(
    file: Path, environment: str | None, image: str | None, region: str | None, target: Any,
    local_directory: Path | None, terraform: bool, form: str,
) -> int:  # fmt: skip
    """Check a spec, its policies and its Terraform.

    A spec without an image is checked with a placeholder, so that it can be checked before a build.
    """
    from functools import partial

    from tidegate import settings as reading
    from tidegate.cli.everywhere import one_after_the_other
    from tidegate.flows.prepare import Source, read

    settings = reading.read(target, local=local_directory)
    spec = read(Source(options.read_file(file), str(file), environment, image))
    if spec.ingress_container.image is None:
        spec = spec.with_image("placeholder.invalid/image:unset")
    return one_after_the_other(
        {
            one.region: partial(_validate, one, settings, terraform, form)
            for one in options.in_regions(spec, region)
        },
        form,
    )


def _validate(spec: Spec, settings: Settings, terraform: bool, form: str) -> int:
    from tidegate import wiring
    from tidegate.flows.prepare import prepare

    prepared = prepare(spec, *wiring.sources(), local=settings.target == "local")
    diagnostics = _terraform(settings, prepared) if terraform else ()
    wrong = bool(prepared.errors) or any(d.severity == "error" for d in diagnostics)
    if form == "json":
        options.emit({
            "valid": not wrong,
            "findings": [_finding(f) for f in prepared.findings],
            "notes": list(prepared.notes),
            "terraform": [_diagnostic(d) for d in diagnostics] if terraform else None,
        })  # fmt: skip
    else:
        _print(prepared, diagnostics, terraform=terraform)
    return int(ExitCode.INVALID if wrong else ExitCode.DONE)


def _terraform(settings: Settings, prepared: Prepared) -> tuple[Diagnostic, ...]:
    """`terraform validate` on copies in a temporary directory; the backend is not asked."""
    from tidegate import wiring
    from tidegate.adapters import rootdir
    from tidegate.core.render import ROOTS
    from tidegate.flows.prepare import LOCAL_BACKEND

    runner = wiring.terraform(settings)
    found: list[Diagnostic] = []
    with tempfile.TemporaryDirectory(prefix="tidegate-validate-") as name:
        directory = Path(name)
        overridden = {f"{root}/backend_override.tf": LOCAL_BACKEND for root in ROOTS}
        rootdir.write(directory, {**prepared.files, **overridden})
        for root in ROOTS:
            try:
                runner.init(directory / root)
            except TerraformError as error:
                raise TerraformError(error.message, hint=error.hint or _OFFLINE) from error
            found += runner.validate(directory / root)
    return tuple(found)


def _print(prepared: Prepared, diagnostics: tuple[Diagnostic, ...], *, terraform: bool) -> None:
    for finding in prepared.findings:
        click.echo(str(finding))
        click.echo(f"    {finding.hint}")
    for diagnostic in diagnostics:
        place = f"{diagnostic.path}:{diagnostic.line}: " if diagnostic.path else ""
        click.echo(f"{place}{diagnostic.severity}: {diagnostic.summary}. {diagnostic.detail}".rstrip(" ."))
    for note in prepared.notes:
        click.echo(note, err=True)
    checked = "spec, policies and Terraform" if terraform else "spec and policies"
    if not (prepared.findings or diagnostics):
        click.echo(f"{checked} are fine: {prepared.spec.service}", err=True)


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule, "severity": str(finding.severity), "path": finding.path, "line": finding.line,
        "column": finding.column, "message": finding.message, "hint": finding.hint,
    }  # fmt: skip


def _diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "severity": diagnostic.severity, "summary": diagnostic.summary, "detail": diagnostic.detail,
        "path": diagnostic.path, "line": diagnostic.line,
    }  # fmt: skip


@click.command()
@click.argument("rule")
def explain(rule: str) -> None:
    """Say what a policy rule wants, and why."""
    from tidegate.core.policies import POLICIES
    from tidegate.core.policy import explain as text

    click.echo(text(rule, POLICIES))
