"""Make the compact schema files from a folder of full descriptions of the real provider.

Each file of the folder is one resource type: `schema` as `terraform providers schema -json` prints it, and
`behaviour` beside it, which that command does not print (force_new, defaults, enums, computed blocks,
suppressed differences, rules between arguments). Run `python -m tidegate.local.provider.schema.derive FOLDER`
to write those of this package again; resource types the folder does not describe are written by hand from the
documentation.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SUPPRESSIONS = {
    "tpgresource.CompareSelfLinkOrResourceName": "last_segment",
    "tpgresource.EmptyOrUnsetBlockDiffSuppress": "empty_block",
    "tpgresource.EmptyOrDefaultStringSuppress": "",  # the default covers it
    "cloudRunV2ServiceResourceLimitsDiffSuppress": "added_cpu_limit",
    "crossSeriesReducerDiffSuppress": "no_reducer",
    "monitoringDashboardDiffSuppress": "dashboard",
    "authHeaderDiffSuppress": "",
    "LastSlashDiffSuppress": "last_slash",
}
"""The real provider's functions, and the rule in `suppress` that plays each one's part."""

CHECKS = {
    ("google_monitoring_dashboard", "dashboard_json"): "json",
    ("google_service_account", "account_id"): "account_id",
}
"""Checks of single values that the folder does not tell."""

_RULES = {
    "ConflictsWith": "conflicts_with",
    "ExactlyOneOf": "exactly_one_of",
    "AtLeastOneOf": "at_least_one_of",
    "RequiredWith": "required_with",
}


def compact(document: Mapping[str, Any]) -> dict[str, Any]:
    """One file of the folder in the compact form."""
    schema = document["schema"]
    found = _block(schema["block"], "", document["resource"], document["behaviour"])
    return {"$": {"version": schema.get("version", 0)}, **found}


def _block(
    block: Mapping[str, Any], prefix: str, resource: str, behaviour: Mapping[str, Any]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, attribute in sorted(block.get("attributes", {}).items()):
        extras = _extras(prefix + name, resource, behaviour)
        found[name] = [attribute["type"], _flags(name, attribute)] + ([extras] if extras else [])
    for name, nested in sorted(block.get("block_types", {}).items()):
        own: dict[str, Any] = {"nesting": nested["nesting_mode"]}
        for key, limit in (("min", nested.get("min_items")), ("max", nested.get("max_items"))):
            if limit:
                own[key] = limit
        if prefix + name in behaviour["computed_blocks"]:
            own["computed"] = True
        inside = _block(nested["block"], f"{prefix}{name}.", resource, behaviour)
        found[name] = {"$": {**own, **_extras(prefix + name, resource, behaviour)}, **inside}
    return found


def _flags(name: str, attribute: Mapping[str, Any]) -> str:
    flags = [word[0] for word in ("required", "optional", "computed", "sensitive") if attribute.get(word)]
    # The description leaves out that these are never kept in the state.
    if name.endswith("_wo") or attribute.get("write_only"):
        flags.append("w")
    return "".join(flags)


def _extras(path: str, resource: str, behaviour: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if path in behaviour["defaults"]:
        found["default"] = behaviour["defaults"][path]
    if path in behaviour["force_new"]:
        found["force_new"] = True
    if rule := SUPPRESSIONS[behaviour["diff_suppress"].get(path, "authHeaderDiffSuppress")]:
        found["suppress"] = rule
    if path in behaviour["enums"]:
        found["enum"] = [value for value in behaviour["enums"][path] if value]
    if check := CHECKS.get((resource, path)):
        found["check"] = check
    for rule, key in _RULES.items():
        if others := behaviour["rules"].get(rule, {}).get(path):
            found[key] = others
    return found


def text(found: Mapping[str, Any]) -> str:
    """The compact form as it is written: one argument a line, blocks indented."""
    return _lines(found, "") + "\n"


def _lines(found: Mapping[str, Any], indent: str) -> str:
    inner = indent + "  "
    rows = [
        f"{inner}{json.dumps(name)}: "
        + (_lines(value, inner) if isinstance(value, dict) and name != "$" else json.dumps(value))
        for name, value in found.items()
    ]
    return "{\n" + ",\n".join(rows) + f"\n{indent}}}"


def main(folder: Path) -> None:
    here = Path(__file__).parent
    for target in sorted(here.glob("google_*.json")):
        source = folder / target.name
        if source.is_file():
            target.write_text(text(compact(json.loads(source.read_text("utf-8")))), "utf-8")
            sys.stderr.write(f"{target.name} from {source}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
