"""What both ways of reading samples.csv come to."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tidegate.core.samples import Series
from tidegate.core.trace.model import SAMPLES_FILE

_CHUNK = 1 << 20
"""Characters that are cut into lines at a time: a whole file of them would take four bytes each."""


@dataclass(frozen=True)
class Parsed:
    """`unknown` counts the rows of metrics that are not read, `repeated` those that said nothing new."""

    series: tuple[Series, ...]
    unknown: Mapping[str, int]
    repeated: int

    def warnings(self) -> tuple[str, ...]:
        ignored = tuple(
            f"{SAMPLES_FILE}: unknown metric {metric!r} is ignored ({count} rows)"
            for metric, count in sorted(self.unknown.items())
        )
        if self.repeated:
            return (*ignored, f"{SAMPLES_FILE}: {self.repeated} repeated rows are dropped")
        return ignored


def lines(text: str) -> Iterator[str]:
    """Lines with their ends, as the csv module wants them, without a copy of the whole text."""
    begin = 0
    while begin < len(text):
        end = text.find("\n", begin + _CHUNK) + 1 or len(text)
        yield from io.StringIO(text[begin:end], newline="")
        begin = end
