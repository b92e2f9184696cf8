"""Planned creations, and the Terraform `import` blocks that make adoptions of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core.hcl import literal

HEADER = "# What exists already, so that the plan takes it over. Written for one plan and removed after it.\n"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_MODULES = re.compile(r"(module\.[A-Za-z_][A-Za-z0-9_-]*\.)*")


@dataclass(frozen=True)
class Creation:
    """A resource that a plan would create. `after` has what is known of it before the apply."""

    address: str
    type: str
    target: str
    """The address as HCL; empty where it cannot be written safely."""
    after: Mapping[str, Any]


def creations(plan: Mapping[str, Any]) -> tuple[Creation, ...]:
    """What the plan JSON would create anew, in the order of addresses. Data sources are left out."""
    found = [
        Creation(raw["address"], raw["type"], _target(raw), raw["change"].get("after") or {})
        for raw in plan.get("resource_changes") or ()
        if raw.get("mode", "managed") == "managed" and raw["change"].get("actions") == ["create"]
    ]
    return tuple(sorted(found, key=lambda creation: creation.address))


def import_blocks(found: Mapping[str, str]) -> str:
    """The file of `import` blocks: id by target, in a settled order."""
    blocks = (
        f"import {{\n  to = {target}\n  id = {literal(identity)}\n}}\n"
        for target, identity in sorted(found.items())
    )
    return "\n".join((HEADER, *blocks))


def _target(raw: Mapping[str, Any]) -> str:
    """`module.service.google_x.this["key"]`, written anew from its parts: an address is not text to trust."""
    module = str(raw.get("module_address") or "")
    prefix = f"{module}." if module else ""
    kind, name, index = str(raw["type"]), str(raw.get("name", "")), raw.get("index")
    if not (_MODULES.fullmatch(prefix) and _NAME.fullmatch(kind) and _NAME.fullmatch(name)):
        return ""
    return f"{prefix}{kind}.{name}" + ("" if index is None else f"[{literal(index)}]")
