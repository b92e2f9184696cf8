"""What can be seen and what cannot, in words and as plain values."""

from __future__ import annotations

from typing import Any

from tidegate.core.power.model import Part, Present
from tidegate.core.power.survey import Detection, Power
from tidegate.core.report.numbers import duration, quantity
from tidegate.core.report.plain import aligned

_NOUNS = {
    "error_ratio": "error ratio",
    "latency_p99_ms": "p99 latency",
    "open_fds": "open fds per instance",
    "tcp_connections": "TCP connections per instance",
    "cpu_utilization": "CPU per request",
}
_FINE = 2
"""Significant digits: these are estimates."""


def blind_spots(power: Power) -> tuple[str, ...]:
    """A sentence for each metric: the largest reference fault that this rollout will not see."""
    found: dict[str, str] = {}
    for detection in power.detections:
        if detection.tolerated or detection.in_rollout is not None:
            continue
        found[detection.fault.metric] = _not_seen(detection, power)
    return tuple(found.values())


def _not_seen(detection: Detection, power: Power) -> str:
    name = detection.fault.name
    known = [(t, part) for t, part in zip(detection.at_share, power.parts, strict=True) if t is not None]
    if not known:
        return f"{name} is not seen, however long a step lasts"
    time, part = min(known, key=lambda row: row[0] / max(row[1].seconds, 1e-9))  # the nearest to being enough
    return (
        f"at {part.percent} % of {traffic(power.present)} {name} takes about {about(time)} to detect; "
        f"this step lasts {duration(part.seconds)}"
    )


def text(power: Power, service: str) -> str:
    """For a terminal: the service at present, what each step shows, how long faults take."""
    parts = [f"{p.percent} % for {duration(p.seconds)}" for p in power.parts]
    sights = [
        (_NOUNS[s.metric], *(_pair(s.metric, *both) for both in zip(s.in_part, s.so_far, strict=True)))
        for s in power.sights
    ]
    faults = [(d.fault.name, *(_taken(d, t) for t in d.at_share), _when(d, power)) for d in power.detections]
    lines = [
        f"{service} at present: {_described(power.present)}",
        "",
        "smallest change seen within a step (and by then in the whole rollout)",
        "",
        aligned((("", *parts), *sights)),
        "",
        "how long a fault takes to be seen, if a step lasted",
        "",
        aligned((("", *(f"at {p.percent} %" for p in power.parts), "in this rollout"), *faults)),
    ]
    if spots := blind_spots(power):
        lines += ["", "what it will not see", *(f"  {spot}" for spot in spots)]
    return "\n".join(lines) + "\n"


def data(power: Power) -> dict[str, Any]:
    """The same as plain values; seconds, ratios, growth per minute."""
    present = power.present
    return {
        "present": {
            "requests_per_second": present.rate,
            "measured_over_seconds": present.seconds,
            "instances": present.instances,
            "error_ratio": present.error_ratio,
            "latency_p50_ms": present.p50,
            "latency_p99_ms": present.p99,
            "noise": {
                name: None if noise is None else {"sd": noise.sd, "phi": noise.phi}
                for name, noise in (
                    ("open_fds", present.fds),
                    ("tcp_connections", present.connections),
                    ("cpu_utilization", present.cpu),
                )
            },
        },
        "steps": [{"percent": p.percent, "seconds": p.seconds} for p in power.parts],
        "smallest": [
            {
                "metric": s.metric,
                "tolerated": s.tolerated,
                "in_step": list(s.in_part),
                "so_far": list(s.so_far),
            }
            for s in power.sights
        ],
        "faults": [
            {
                "fault": d.fault.name,
                "metric": d.fault.metric,
                "size": d.fault.size,
                "tolerated": d.tolerated,
                "seconds_at_step": list(d.at_share),
                "seconds_in_rollout": d.in_rollout,
            }
            for d in power.detections
        ],
        "blind_spots": list(blind_spots(power)),
    }


def traffic(present: Present) -> str:
    if present.rate < 10:
        return f"{_rough(60 * present.rate)} requests/min"
    return f"{_rough(present.rate)} requests/s"


def about(seconds: float) -> str:
    """A duration with one unit: `3 h`, `40 min`."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _described(present: Present) -> str:
    over = "" if present.seconds is None else f" (mean of the last {duration(round(present.seconds))})"
    told = [
        traffic(present) + over,
        f"{_rough(100 * present.error_ratio)} % errors",
        f"{_rough(present.instances)} instances" if present.instances > 1 else "one instance",
    ]
    if present.p99 is not None:
        told.append(f"p99 latency {quantity(present.p99)} ms")
    if present.fds is not None:
        told.append(f"fd noise {_rough(present.fds.sd)}")
    return ", ".join(told)


def _pair(metric: str, in_part: float | None, so_far: float | None) -> str:
    alone = _change(metric, in_part)
    return alone if in_part == so_far else f"{alone} ({_change(metric, so_far)})"


def _change(metric: str, size: float | None) -> str:
    if size is None:
        return "nothing"
    match metric:
        case "error_ratio":
            return f"+{_rough(100 * size)} points"
        case "latency_p99_ms":
            return f"{_rough(1 + size)} times"
        case "cpu_utilization":
            return f"+{_rough(100 * size)} %"
    return f"{_rough(size)}/min"


def _taken(detection: Detection, seconds: float | None) -> str:
    if detection.tolerated:
        return "tolerated"
    return "never" if seconds is None else about(seconds)


def _when(detection: Detection, power: Power) -> str:
    if detection.tolerated:
        return "tolerated"
    if detection.in_rollout is None:
        return "not seen"
    return f"after {about(detection.in_rollout)}, at {_percent_at(power.parts, detection.in_rollout)} %"


def _percent_at(parts: tuple[Part, ...], seconds: float) -> int:
    ends = 0.0
    for part in parts:
        ends += part.seconds
        if seconds <= ends + 1e-6:
            return part.percent
    return parts[-1].percent


def _rough(value: float) -> str:
    return quantity(float(f"{value:.{_FINE}g}"))
