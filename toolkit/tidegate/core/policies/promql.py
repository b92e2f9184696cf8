"""As much of PromQL as policies look at: what stands outside texts, selectors, comparisons, divisions.

Nothing here parses the language. A query that is not understood is not objected to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TEXT = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`")
_SELECTOR = re.compile(r"[A-Za-z_:][\w:]*\s*(?:\{(?:\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[^{}\"'])*\})?")
_COMPARED = re.compile(r"(?:>=?)\s*(?:bool\s+)?(\d+(?:\.\d+)?(?:e\d+)?)(?![\w.]*\s*[*/])", re.IGNORECASE)
_COUNTS = re.compile(r"\b(rate|increase|irate)\s*\(")


def outside(query: str) -> str:
    """The query without its texts, the labels in braces, and its comments."""
    bare = _TEXT.sub('""', query)
    bare = re.sub(r"#.*", "", bare)
    return re.sub(r"\{[^{}]*\}", "", bare)


def selectors(query: str, prefix: str) -> Iterator[str]:
    """Each metric whose name begins so, with its braces."""
    return (m[0] for m in _SELECTOR.finditer(query) if m[0].startswith(prefix))


def thresholds(query: str) -> tuple[float, ...]:
    """The plain numbers that something is compared with from above."""
    return tuple(float(number) for number in _COMPARED.findall(outside(query)))


def divides_counts(bare: str) -> bool:
    """Whether one rate or increase is divided by another; `bare` comes from `outside`."""
    above, slash, below = bare.partition("/")
    return bool(slash and _COUNTS.search(above) and _COUNTS.search(below))
