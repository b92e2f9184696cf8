"""What a recorded trace shows, in figures: the table of this directory's README."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tidegate.core.samples import Samples, Series, Window
from tidegate.core.trace import ROLLOUT_FILE, SAMPLES_FILE, Rollout, read
from traces.scenarios import SCENARIOS, Scenario

README = Path(__file__).resolve().parent / "README.md"
BEGIN, END = "<!-- figures -->\n", "<!-- /figures -->"
HEAD = (
    "| trace | what was asked for | seconds, samples | requests/s | instances | fds/min "
    "| fds per 100 requests | errors | p99 ms "
    "| MiB gained |\n|---|---|---|---|---|---|---|---|---|---|\n"
)


def with_table(text: str, directory: Path) -> str:
    """The README's text with the table of the traces that are in the directory."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    there = [s for s in SCENARIOS if (directory / s.name / ROLLOUT_FILE).exists()]
    return before + BEGIN + HEAD + "".join(row(directory, s) + "\n" for s in there) + END + after


def row(directory: Path, scenario: Scenario) -> str:
    files = (directory / scenario.name / name for name in (ROLLOUT_FILE, SAMPLES_FILE))
    rollout, samples, _ = read(*(file.read_text(encoding="utf-8") for file in files))
    assert rollout.end is not None
    both = (rollout.stable, rollout.candidate)
    cells = (
        f"`{scenario.name}`",
        scenario.what,
        f"{rollout.end - rollout.start:.0f}, {sum(map(len, samples.by_key.values()))}",
        _requests(samples, both),
        *(" / ".join(figure(samples, rollout, r) for r in both) for figure in FIGURES),
    )
    return "| " + " | ".join(cells) + " |"


def _requests(samples: Samples, revisions: tuple[str, ...]) -> str:
    """Mean and highest number in a second, both revisions together."""
    per_second: dict[int, float] = {}
    for revision in revisions:
        series = samples.get("request_count", revision)
        if isinstance(series, Series):
            for time, value in zip(np.floor(series.times).tolist(), series.values.tolist(), strict=True):
                per_second[time] = per_second.get(time, 0.0) + value
    values = list(per_second.values())
    return f"{np.mean(values):.0f}, {max(values):.0f}" if values else "none"


def _instances(samples: Samples, _: Rollout, revision: str) -> str:
    return str(len(samples.of_metric("open_fds", revision)))


def _climb(samples: Samples, rollout: Rollout, revision: str) -> str:
    """Least squares per instance and minute since the candidate got traffic, instances by their length."""
    parts = [s for s in _since(samples, rollout, "open_fds", revision) if len(s) > 2]
    if not parts:
        return "none"
    slopes = [60 * float(np.polyfit(s.times - s.times[0], s.values, 1)[0]) for s in parts]
    return f"{np.average(slopes, weights=[len(s) for s in parts]):.1f}"


def per_request(samples: Samples, rollout: Rollout, revision: str) -> float | None:
    """Descriptors gained per 100 requests since the candidate got traffic; None without requests."""
    gained = sum(float(s.values[-1] - s.values[0]) for s in _since(samples, rollout, "open_fds", revision))
    requests = sum(float(s.values.sum()) for s in _since(samples, rollout, "request_count", revision))
    return 100 * gained / requests if requests else None


def _per_request(samples: Samples, rollout: Rollout, revision: str) -> str:
    found = per_request(samples, rollout, revision)
    return "none" if found is None else f"{found:.1f}"


def _errors(samples: Samples, rollout: Rollout, revision: str) -> str:
    requests, errors = (
        sum(float(s.values.sum()) for s in _since(samples, rollout, metric, revision))
        for metric in ("request_count", "error_count")
    )
    return f"{100 * errors / requests:.1f} %" if requests else "none"


def _p99(samples: Samples, rollout: Rollout, revision: str) -> str:
    found = _since(samples, rollout, "latency_p99_ms", revision)
    return f"{np.median(np.concatenate([s.values for s in found])):.0f}" if found else "none"


def _memory(samples: Samples, rollout: Rollout, revision: str) -> str:
    parts = _since(samples, rollout, "memory_bytes", revision)
    return f"{sum(float(s.values[-1] - s.values[0]) for s in parts) / 2**20:.0f}" if parts else "none"


FIGURES = (_instances, _climb, _per_request, _errors, _p99, _memory)


def _since(samples: Samples, rollout: Rollout, metric: str, revision: str) -> list[Series]:
    window = Window(rollout.start, float("inf"))
    parts = (s.within(window) for s in samples.of_metric(metric, revision))
    return [part for part in parts if isinstance(part, Series)]
