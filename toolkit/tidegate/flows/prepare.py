"""What every command does first, without asking anybody: spec → rendered files → findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.core.document import Document, Place, parse_all
from tidegate.core.errors import Fault, InvalidInput
from tidegate.core.policies import POLICIES
from tidegate.core.policy import Finding, Severity, Suppression, run
from tidegate.core.render import ROOTS, render
from tidegate.core.spec import Spec, load

LOCAL_BACKEND = 'terraform {\n  backend "local" {}\n}\n'
"""Laid over whatever backend the spec names: the state of a local Cloud Run lives beside it."""


@dataclass(frozen=True)
class Source:
    """A spec file as given: its bytes, its name for messages, and what the command line adds."""

    text: bytes
    path: str
    environment: str | None = None
    image: str | None = None


@dataclass(frozen=True)
class Prepared:
    spec: Spec
    files: Mapping[str, str]
    """Text by path relative to the output directory."""
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    """What one should know of this target, a sentence each."""
    roots: tuple[Document, ...] = ()
    """The rendered root modules as they were read for the policies."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)


def read(source: Source) -> Spec:
    """The spec with the image of the command line. Raises InvalidInput, UsageError."""
    spec = load(source.text, source.path, source.environment)
    return spec.with_image(source.image) if source.image else spec


def prepare(
    spec: Spec, templates: Mapping[str, str], modules: Mapping[str, str], *, local: bool = False
) -> Prepared:
    """Renders, and holds the result against the policies. Raises InvalidInput for what cannot be rendered."""
    files = dict(render(spec, templates, modules))
    if local:
        files |= {f"{root}/backend_override.tf": LOCAL_BACKEND for root in ROOTS}
    # Our own modules are copied in unchanged and tested with tidegate; what a spec decides is in the roots.
    own = {
        path: text.encode()
        for path, text in files.items()
        if path.endswith(".tf") and "/modules/" not in path
    }
    notes = _unmeasured(spec) if local else ()
    roots = parse_all(own)
    findings = run(roots, POLICIES, _accepted(spec), rendered=True)
    return Prepared(spec, dict(sorted(files.items())), findings, notes, roots)


def _accepted(spec: Spec) -> tuple[Suppression, ...]:
    return tuple(
        Suppression(
            frozenset({one.rule}), one.reason, Place("tidegate.yaml", 0, 0, f"accept[{number}]"), None
        )
        for number, one in enumerate(spec.accept)
    )


def _unmeasured(spec: Spec) -> tuple[str, ...]:
    """What a local Cloud Run cannot measure: it has no PromQL."""
    found = []
    for metric, own in spec.analysis.metrics.items():
        if own.promql is not None:
            required = metric in spec.analysis.required
            so = "; the spec requires it, so every step stays inconclusive" if required else ""
            found.append(f"{metric} is not measured: the local Cloud Run executes no PromQL{so}")
    return tuple(found)


def refuse(prepared: Prepared) -> None:
    """Raises InvalidInput with every finding of severity error."""
    if prepared.errors:
        faults = tuple(Fault(f.path, f.line, f.column, f"{f.rule}: {f.message}") for f in prepared.errors)
        raise InvalidInput(faults, hint="`tidegate explain RULE` says why, and what to do")
