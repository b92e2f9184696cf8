"""What is tidegate's own: the calls of its modules, and in a plan what they make."""

from __future__ import annotations

import re

MADE_BY_OWN = "tidegate:module"
"""An attribute of what tidegate's modules make, in a plan: what is wrong with it is mended in the call."""

_OWN = re.compile(r"(?:^|/)modules/(service|monitoring|guard)/?(?:\?.*)?$")


def own_module(source: object) -> str:
    """The name of tidegate's module at a `source`, from wherever it is taken; empty for any other."""
    match = _OWN.search(source) if isinstance(source, str) else None
    return match[1] if match else ""
