"""A report as one HTML page that needs nothing else: no scripts, no fonts, no pictures from elsewhere.

The template gets plain values and writes every one of them escaped; charts are geometry it draws as SVG.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tidegate.core.catalogue import BY_ID, Resource
from tidegate.core.errors import Fault, InvalidInput
from tidegate.core.report import timeline
from tidegate.core.report.chart import Role, Scene, draw, silence
from tidegate.core.report.kinds import KINDS, Kind, own_kind, spoken
from tidegate.core.report.model import Report, finding, serving
from tidegate.core.report.numbers import duration, offset, percent, quantity
from tidegate.core.rollout import Phase, describe, sentence, when
from tidegate.core.verdict import Finding, MetricResult

TEMPLATE = "report/report.html.j2"
"""Where the template's text is among the packaged ones."""

_TONES = {
    Phase.PROMOTED: "good",
    Phase.RECOVERED: "back",
    Phase.ROLLED_BACK: "back",
    Phase.HELD: "wait",
    Phase.PAUSED: "wait",
    Phase.ABORTED: "wait",
    Phase.NOT_RECOVERED: "bad",
    Phase.NEEDS_PERSON: "bad",
}
_MIB = 2.0**20
_METER = 1.5
"""The bar of the evidence ends at this multiple of what is needed."""
# What a template can get wrong while it runs, besides what Jinja reports itself.
_TEMPLATE_FAULTS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class Evidence:
    """One metric of the deciding verdict, as text. `meter` is a share of the bar, None without a test."""

    title: str
    metric: str
    finding: str
    tone: str
    sentence: str
    estimate: str
    interval: str
    evidence: str
    meter: float | None
    samples: str


@dataclass(frozen=True)
class Look:
    number: int
    after: str
    about: str
    decision: str
    attribution: str
    reasons: tuple[str, ...]


def page(report: Report, template: str) -> str:
    """The report as HTML, to the byte the same for the same report.

    Raises InvalidInput naming the template's line when the template is at fault.
    """
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.DictLoader({TEMPLATE: template}),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    context = _context(report)
    try:
        return environment.get_template(TEMPLATE).render(context)
    except _TEMPLATE_FAULTS as error:
        line = error.lineno if isinstance(error, jinja2.TemplateSyntaxError) else _line(error)
        raise InvalidInput((Fault(TEMPLATE, line, 1, f"the template failed: {error}"),)) from error


def _line(error: BaseException) -> int:
    """The template's line in the innermost frame of it."""
    found, frame = 0, error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == "<template>":
            found = frame.tb_lineno
        frame = frame.tb_next
    return found


def _context(report: Report) -> dict[str, Any]:
    shown = timeline.window(report)
    scene = Scene(
        samples=report.samples,
        revisions=_revisions(report),
        window=shown,
        origin=timeline.origin(report),
        period=report.rollout.sample_period if report.rollout else None,
        happenings=timeline.happenings(report),
    )
    kinds = (*KINDS, *(own_kind(metric, unit) for metric, unit in report.own.items()))
    drawn = [(kind, draw(kind, scene)) for kind in kinds]
    deciding = report.deciding
    return {
        "service": report.service,
        "title": f"{report.service}: {report.verdict}",
        "verdict": report.verdict,
        "tone": _TONES.get(report.state.phase, "wait"),
        "sentence": sentence(replace(report.state, reason="")),
        "reasons": _reasons(report),
        "monitoring_error": report.monitoring_error,
        "revisions": scene.revisions,
        "zero": when(scene.origin),
        "zero_is": _zero_is(report),
        "tiles": _tiles(report),
        "timeline": timeline.draw(report, shown),
        "entries": timeline.entries(report),
        "charts": [chart for _, chart in drawn if chart],
        "unmeasured": _unmeasured(report, scene, [kind for kind, chart in drawn if not chart]),
        "evidence": [_evidence(m, report) for m in deciding.metrics] if deciding else [],
        "decided_after": offset(deciding.decided_at - scene.origin) if deciding else "",
        "looks": _looks(report),
        "facts": _facts(report),
    }


def _revisions(report: Report) -> tuple[tuple[Role, str], ...]:
    state = report.state
    both: tuple[tuple[Role, str], ...] = (("candidate", state.candidate), ("stable", state.stable))
    # A deployment without a new revision has one revision in both parts.
    return tuple((r, n) for r, n in both if n and not (r == "stable" and n == state.candidate))


def _unmeasured(report: Report, scene: Scene, kinds: Sequence[Kind]) -> list[tuple[str, str]]:
    """What there is no chart of, and why; one line for all when nothing at all was measured."""
    if not report.samples.by_key:
        looked = "Cloud Monitoring had no sample of either revision"
        return [("All metrics", looked if report.verdicts else "the rollout ended before its first look")]
    found = []
    for kind in kinds:
        reasons = dict.fromkeys(silence(kind, scene, revision) for _, revision in scene.revisions)
        if any(m in BY_ID and BY_ID[m].sources[0].resource is Resource.PROMETHEUS for m in kind.metrics):
            reasons["it is known only where the collector runs beside the application"] = None
        if kind.expected:
            found.append((kind.title, "; ".join(reasons)))
    return found


def _reasons(report: Report) -> list[str]:
    """The reason of the state, as the separate sentences of the verdict where it consists of them."""
    reason, deciding = report.state.reason, report.deciding
    found = list(deciding.reasons) if deciding else []
    joined = "; ".join(found)
    if not joined or joined not in reason:
        return [reason] if reason else []
    before, _, after = reason.partition(joined)
    around = (before.removesuffix(": "), *found, after.removeprefix("; "))
    return [part for part in around if part]


def _zero_is(report: Report) -> str:
    if report.first_moved is None:
        return "the rollout started; the candidate never had traffic"
    if report.state.moves[0].percent == 0:
        return f"traffic was taken from {report.state.candidate}"
    return f"{report.state.candidate} first got traffic"


def _tiles(report: Report) -> list[tuple[str, str]]:
    tiles = [
        ("decided in", report.seconds_to_decide),
        ("restored in", report.seconds_to_restore),
        ("whole rollout", report.state.entered - report.state.started),
    ]
    found = [(name, duration(value)) for name, value in tiles if value is not None]
    found.append(("looks", f"{len(report.verdicts):,}"))
    if report.traffic:
        found.append(("traffic now", describe(dict(report.traffic))))
    return found


def _evidence(result: MetricResult, report: Report) -> Evidence:
    tone = {Finding.WORSE: "bad", Finding.FINE: "good"}.get(result.finding, "wait")
    tested = result.evidence is not None and result.boundary is not None and result.boundary > 0
    meter = None
    if result.evidence is not None and result.boundary is not None and tested:
        meter = round(min(1.0, max(0.0, result.evidence / result.boundary / _METER)), 4)
    limits = result.low, result.high
    return Evidence(
        title=spoken(result.metric),
        metric=result.metric,
        finding=finding(result, report),
        tone=tone if result.decisive else "wait",
        sentence=result.sentence,
        estimate=_measured(result.estimate, result),
        interval=" to ".join(_measured(v, result) for v in limits) if None not in limits else "",
        evidence=" of ".join(quantity(v) for v in (result.evidence, result.boundary) if v is not None),
        meter=meter,
        samples=f"{result.samples:,}",
    )


def _measured(value: float | None, result: MetricResult) -> str:
    if value is None:
        return ""
    match result.unit:
        case "ratio":
            return percent(value)
        case "per minute" if result.metric == "memory_bytes":
            return f"{quantity(value / _MIB)} MiB/min"
        case "per minute":
            return f"{quantity(value)}/min"
        case "ratio to stable" | "ratio to before":
            return f"{quantity(value)} \N{MULTIPLICATION SIGN}"
        case "ms":
            return f"{quantity(value)} ms"
    return quantity(value)


def _looks(report: Report) -> list[Look]:
    zero, decided = timeline.origin(report), report.state.decided
    return [
        Look(
            number,
            offset(verdict.decided_at - zero),
            "candidate" if decided is None or verdict.decided_at <= decided else "recovery",
            str(verdict.decision),
            str(verdict.attribution).replace("_", " "),
            verdict.reasons,
        )
        for number, verdict in enumerate(report.verdicts, 1)
    ]


def _facts(report: Report) -> list[tuple[str, str]]:
    state, deciding = report.state, report.deciding
    asked = state.settings
    steps = ", ".join(f"{p} %" for p in asked.steps)
    facts = [
        ("service", report.service),
        ("project", report.project),
        ("region", report.region),
        ("environment", report.environment or "none"),
        ("address", report.url),
        ("image", report.image),
        ("candidate", state.candidate or "none"),
        ("stable", state.stable or "none, this was the first deployment"),
        ("traffic at the end", serving(report)),
        ("attribution", str(deciding.attribution).replace("_", " ") if deciding else "nothing was judged"),
        ("steps asked for", f"{steps}, {duration(asked.step_duration)} each" if steps else "none"),
        ("bake", f"{duration(asked.bake)}, a look every {duration(asked.look_every)}"),
        ("rollout", state.id),
        ("owner", state.owner),
        ("started", when(state.started)),
        ("ended", when(state.entered)),
        ("exit code", "" if state.exit_code is None else str(state.exit_code)),
    ]
    return [(name, value) for name, value in facts if value]
