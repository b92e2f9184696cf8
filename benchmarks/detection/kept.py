"""Results noted as they come, so that a run of an hour can be stopped and gone on with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.detection.outcome import End, Outcome
from benchmarks.detection.runner import Result


class Kept:
    """A file with a line of JSON per trace. Whoever goes on with one of another judge mixes two judges."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.results = list(_read(path)) if path.exists() else []

    def add(self, result: Result) -> None:
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(result)) + "\n")


def _read(path: Path) -> Iterator[Result]:
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            given = json.loads(line)
        except ValueError:
            continue  # a line that a stop has cut off
        yield Result(given["family"], given["seed"], {n: _outcome(o) for n, o in given["outcomes"].items()})


def _outcome(given: dict[str, Any]) -> Outcome:
    return Outcome(**{**given, "end": End(given["end"])})
