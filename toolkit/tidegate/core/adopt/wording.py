"""What is adopted, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping

from tidegate.core.adopt.kinds import KINDS

_PLURAL = {"access": "grants of access", "alert policy": "alert policies"}
_SINGLE = {"access": "grant of access"}


def adopting(root: str, found: Mapping[str, str]) -> str:
    """`service: takes over …: service orders, 2 grants of access`. `found` is import ids by address."""
    names: dict[str, list[str]] = {}
    for address, identity in sorted(found.items()):
        kind = next((k.name for t, k in KINDS.items() if f".{t}." in f".{address}"), "resource")
        names.setdefault(kind, []).append(identity.rpartition("/")[2])
    parts = []
    for kind, which in names.items():
        if len(which) > 1:
            parts.append(f"{len(which)} {_PLURAL.get(kind, kind + 's')}")
        elif kind in ("service", "service account", "secret", "job", "schedule"):
            parts.append(f"{kind} {which[0]}")
        else:
            parts.append(f"1 {_SINGLE.get(kind, kind)}")
    return f"{root}: takes over what exists already and is not in the state: {', '.join(parts)}"


def double_note(names: tuple[str, ...]) -> str:
    which = " and ".join(f"`gcloud monitoring policies delete {name}`" for name in names)
    return f"monitoring: alert policies that were made twice notify twice; after this deployment, {which}"
