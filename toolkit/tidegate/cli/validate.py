"""`tidegate validate` and `tidegate explain`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli import findings as writing
from tidegate.cli import options
from tidegate.core.errors import ExitCode, InvalidInput, TerraformError, UsageError

if TYPE_CHECKING:
    from tidegate.core.policy import Finding
    from tidegate.core.spec import Spec
    from tidegate.flows.prepare import Prepared, Source
    from tidegate.ports import Diagnostic
    from tidegate.settings import Settings


_OFFLINE = "Terraform downloads its provider; without a network use --target local, or --no-terraform"


@click.command()
@options.spec_file
@options.image
@options.region
@options.target
@click.option(
    "--terraform",
    "directory",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Check every Terraform file below this directory, whoever wrote it, instead of a spec.",
)
@click.option(
    "--plan",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Check a plan, as `terraform show -json` writes it, instead of a spec; - is standard input.",
)
@click.option("--no-terraform", is_flag=True, help="Do not run `terraform validate` on the spec's Terraform.")
@writing.output
def validate(
    file: Path, environment: str | None, image: str | None, region: str | None, target: Any,
    local_directory: Path | None, directory: Path | None, plan: Path | None, no_terraform: bool, form: str,
) -> int:  # fmt: skip
    """Check a spec, its policies and its Terraform, or any other Terraform.

    A spec without an image is checked with a placeholder, so that it can be checked before a build.
    """
    if directory is not None and plan is not None:
        raise UsageError("--terraform and --plan are two things to check; give one of them")
    if directory is not None:
        return _directory(directory, form)
    if plan is not None:
        return _plan(plan, form)
    try:
        return _spec(file, environment, image, region, _settings(target, local_directory), no_terraform, form)
    except InvalidInput as error:
        _unread(error, form)
        raise


def _unread(error: InvalidInput, form: str) -> None:
    """A spec with faults is a document too; for people they are told where every error is."""
    from tidegate.flows.check import check_faults

    found = check_faults(error.faults)
    if form == "json":
        options.emit({
            "valid": False, "findings": [writing.data(f) for f in found], "notes": [], "terraform": None,
        })  # fmt: skip
    elif form in writing.MACHINES:
        writing.emit(found, form)


def _directory(directory: Path, form: str) -> int:
    from tidegate import wiring
    from tidegate.adapters.terraform_files import hcl_files
    from tidegate.flows.check import check_files

    files = hcl_files(directory)
    _, modules = wiring.sources()
    return writing.report(check_files(files, tuple(modules.values())), form, str(directory))


def _plan(plan: Path, form: str) -> int:
    from tidegate.adapters.terraform_files import plan_file
    from tidegate.flows.check import check_plan

    return writing.report(check_plan(plan_file(plan), str(plan)), form, str(plan))


def _settings(target: Any, local: Path | None) -> Settings:
    from tidegate import settings as reading

    return reading.read(target, local=local)


def _spec(
    file: Path, environment: str | None, image: str | None, region: str | None, settings: Settings,
    no_terraform: bool, form: str,
) -> int:  # fmt: skip
    from functools import partial

    from tidegate.cli.everywhere import one_after_the_other
    from tidegate.flows.prepare import Source, read

    source = Source(options.read_file(file), str(file), environment, image)
    spec = read(source)
    if spec.ingress_container.image is None:
        spec = spec.with_image("placeholder.invalid/image:unset")
    everywhere: set[Finding] = set()
    runs = {
        one.region: partial(_validate, one, source, settings, not no_terraform, form, everywhere)
        for one in options.in_regions(spec, region)
    }
    if form not in writing.MACHINES:
        return one_after_the_other(runs, form)
    with options.collected():  # several regions are one document
        code = one_after_the_other(runs, "json")
    writing.emit(sorted(everywhere), form)
    return code


def _validate(
    spec: Spec, source: Source, settings: Settings, terraform: bool, form: str, everywhere: set[Finding]
) -> int:
    from tidegate import wiring
    from tidegate.core.policies.origin import in_spec
    from tidegate.core.spec import places
    from tidegate.flows.prepare import prepare

    prepared = prepare(spec, *wiring.sources(), local=settings.target == "local")
    written = places(source.text, source.path, source.environment)
    findings = in_spec(prepared.findings, prepared.roots, written, source.path)
    diagnostics = _terraform(settings, prepared) if terraform else ()
    wrong = bool(prepared.errors) or any(d.severity == "error" for d in diagnostics)
    if form == "json":
        options.emit({
            "valid": not wrong,
            "findings": [writing.data(f) for f in findings],
            "notes": list(prepared.notes),
            "terraform": [_diagnostic(d) for d in diagnostics] if terraform else None,
        })  # fmt: skip
    elif form == "text":
        _print(prepared, findings, diagnostics, terraform=terraform)
    else:
        everywhere.update(findings)
        _tell(prepared, diagnostics)
    return int(ExitCode.INVALID if wrong else ExitCode.DONE)


def _terraform(settings: Settings, prepared: Prepared) -> tuple[Diagnostic, ...]:
    """`terraform validate` on copies in a temporary directory; the backend is not asked."""
    from tidegate import wiring
    from tidegate.adapters import rootdir
    from tidegate.adapters.scratch import scratch
    from tidegate.core.render import ROOTS
    from tidegate.flows.prepare import LOCAL_BACKEND

    runner = wiring.terraform(settings)
    found: list[Diagnostic] = []
    with scratch("validate") as directory:
        overridden = {f"{root}/backend_override.tf": LOCAL_BACKEND for root in ROOTS}
        rootdir.write(directory, {**prepared.files, **overridden})
        for root in ROOTS:
            try:
                runner.init(directory / root)
            except TerraformError as error:
                raise TerraformError(error.message, hint=error.hint or _OFFLINE) from error
            found += runner.validate(directory / root)
    return tuple(found)


def _print(
    prepared: Prepared, findings: tuple[Finding, ...], diagnostics: tuple[Diagnostic, ...], *, terraform: bool
) -> None:
    writing.show(findings)
    for diagnostic in diagnostics:
        click.echo(_sentence(diagnostic))
    for note in prepared.notes:
        click.echo(note, err=True)
    checked = "spec, policies and Terraform" if terraform else "spec and policies"
    if not (findings or diagnostics):
        click.echo(f"{checked} are fine: {prepared.spec.service}", err=True)


def _tell(prepared: Prepared, diagnostics: tuple[Diagnostic, ...]) -> None:
    """What a document of findings has no place for."""
    for said in (*map(_sentence, diagnostics), *prepared.notes):
        click.echo(said, err=True)


def _sentence(diagnostic: Diagnostic) -> str:
    place = f"{diagnostic.path}:{diagnostic.line}: " if diagnostic.path else ""
    return f"{place}{diagnostic.severity}: {diagnostic.summary}. {diagnostic.detail}".rstrip(" .")


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
