"""Plan JSON of `terraform show -json` → what the plan does, in brief."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tidegate.core.errors import TerraformError
from tidegate.core.plan.differences import UNKNOWN, Attribute, differences, has_mark, path_text, shown
from tidegate.core.plan.secrets import secrets_in_plan

SHORTEST_SECRET = 4
"""Characters; hiding every text that contains a shorter one would hide almost everything."""
SHOWN_ATTRIBUTES = 12
"""Changed attributes shown per resource; the rest is counted."""


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    IMPORT = "import"
    FORGET = "forget"
    """Leaves the state but goes on existing."""
    READ = "read"
    NO_OP = "no-op"


_SYMBOLS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "±",
    Action.DELETE: "-",
    Action.IMPORT: "<",
    Action.FORGET: ".",
    Action.READ: "?",
    Action.NO_OP: " ",
}
_PAST = {
    Action.IMPORT: "to import",
    Action.CREATE: "to create",
    Action.UPDATE: "to update",
    Action.REPLACE: "to replace",
    Action.DELETE: "to delete",
    Action.FORGET: "to forget",
}


@dataclass(frozen=True)
class Change:
    """What happens to one resource."""

    address: str
    type: str
    name: str
    action: Action
    attributes: tuple[Attribute, ...] = ()
    """What changes; empty for what is created or deleted as a whole. Sorted by path."""
    replaced_because: tuple[str, ...] = ()
    """Paths of the attributes that force the replacement; empty when it has another reason."""
    reason: str = ""
    """Terraform's own word for why, such as `replace because tainted`."""
    previous_address: str = ""
    abandons: bool = False
    """Its deletion policy says that deleting it here leaves the real thing alone."""
    adopted: bool = False
    """It exists already, and this plan takes it into the state."""

    @property
    def destroys(self) -> bool:
        return self.action in (Action.DELETE, Action.REPLACE) and not self.abandons

    @property
    def changed(self) -> tuple[str, ...]:
        return tuple(attribute.path for attribute in self.attributes)


@dataclass(frozen=True)
class OutputChange:
    name: str
    action: Action
    before: str
    after: str


@dataclass(frozen=True)
class PlanSummary:
    """All of a plan that people decide on. Resources and outputs are sorted by address and name."""

    changes: tuple[Change, ...]
    """Every resource in the plan, those without a change included."""
    outputs: tuple[OutputChange, ...] = ()
    drifted: tuple[str, ...] = ()
    """Addresses of resources that were changed outside Terraform."""
    counts: Mapping[Action, int] = field(default_factory=dict)

    @property
    def effective(self) -> tuple[Change, ...]:
        """The changes that do something, or move a resource to another address."""
        return tuple(
            change
            for change in self.changes
            if change.action not in (Action.NO_OP, Action.READ) or change.previous_address
        )

    @property
    def has_changes(self) -> bool:
        return bool(self.effective or self.outputs)

    def text(self) -> str:
        """The plan for people: a line per resource and per changed attribute, and the sum. No colour."""
        if not self.has_changes:
            return "No changes: what is there is what the configuration says."
        width = max((len(change.address) for change in self.effective), default=0)
        lines = [line for change in self.effective for line in _change_lines(change, width)]
        lines += [f"  output {output.name}: {output.before} → {output.after}" for output in self.outputs]
        if self.drifted:
            lines.append(f"Changed outside Terraform: {', '.join(self.drifted)}")
        return "\n".join([*lines, self.headline()])

    def titled(self, name: str) -> str:
        """The plan after its name: beside it if it is one line, else below, so that columns stay straight."""
        text = self.text()
        return f"{name}:\n{text}" if "\n" in text else f"{name}: {text}"

    def headline(self) -> str:
        """`Plan: 1 to create, 2 to update`."""
        counts = {**self.counts, Action.IMPORT: sum(change.adopted for change in self.changes)}
        told = [f"{counts[action]} {word}" for action, word in _PAST.items() if counts.get(action)]
        moved = sum(1 for change in self.changes if change.previous_address)
        told += [f"{moved} to move"] if moved else []
        told += (
            [f"{len(self.outputs)} output{'s' * (len(self.outputs) > 1)} to change"] if self.outputs else []
        )
        return f"Plan: {', '.join(told)}" if told else "Plan: no changes"

    def data(self) -> dict[str, Any]:
        """The same as plain values for JSON, masked in the same way."""
        return {
            "counts": {str(action): count for action, count in self.counts.items()},
            "changes": [
                {
                    "address": change.address,
                    "type": change.type,
                    "action": str(change.action),
                    "adopted": change.adopted,
                    "replaced_because": list(change.replaced_because),
                    "attributes": [
                        {"path": attribute.path, "before": attribute.before, "after": attribute.after}
                        for attribute in change.attributes
                    ],
                }
                for change in self.effective
            ],
            "outputs": [{"name": output.name, "action": str(output.action)} for output in self.outputs],
            "drifted": list(self.drifted),
        }


def _change_lines(change: Change, width: int) -> Iterator[str]:
    because = ""
    if change.replaced_because:
        because = f"  because of {', '.join(change.replaced_because)}"
    elif change.reason and change.action in (Action.REPLACE, Action.DELETE):
        because = f"  {change.reason}"
    elif change.previous_address:
        because = f"  moved from {change.previous_address}"
    word: str = "move" if change.action is Action.NO_OP else change.action
    if change.adopted and change.action is not Action.IMPORT:
        word = f"import and {word}"
    yield f"{_SYMBOLS[change.action]} {change.address:<{width}}  {word}{because}"
    known = [attribute for attribute in change.attributes if not attribute.unknown]
    # What others have made is shown whole: nobody here has seen it before.
    shown_ones = len(known) if change.adopted else SHOWN_ATTRIBUTES
    for attribute in known[:shown_ones]:
        forces = "  # forces replacement" if attribute.forces_replacement else ""
        yield f"    {attribute.path}: {attribute.before} → {attribute.after}{forces}"
    more = len(known) - shown_ones
    if more > 0:
        yield f"    … and {more} more"


# ------------------------------------------------------------------------------------------- reading


def summarize(plan: Mapping[str, Any]) -> PlanSummary:
    """Reads a plan as JSON. Raises TerraformError when it is of a form that is not understood."""
    major = str(plan.get("format_version", "")).partition(".")[0]
    if major != "1":
        raise TerraformError(
            f"The plan's JSON has format {plan.get('format_version', 'none')}, and only 1.x is understood",
            hint="use a Terraform or OpenTofu that this version of tidegate knows",
        )
    secrets = [secret for secret in secrets_in_plan(plan) if len(secret) >= SHORTEST_SECRET]
    found = (_change(raw, secrets) for raw in plan.get("resource_changes") or ())
    changes = tuple(sorted(found, key=lambda change: change.address))
    counts: dict[Action, int] = {}
    for change in changes:
        counts[change.action] = counts.get(change.action, 0) + 1
    outputs = (
        _output(name, raw, secrets) for name, raw in sorted((plan.get("output_changes") or {}).items())
    )
    return PlanSummary(
        changes=changes,
        outputs=tuple(output for output in outputs if output.action is not Action.NO_OP),
        drifted=tuple(sorted(raw["address"] for raw in plan.get("resource_drift") or () if _matters(raw))),
        counts={action: counts[action] for action in Action if action in counts},
    )


_NOT_DRIFT = frozenset(
    {"annotations", "conditions", "effective_annotations", "etag", "generation", "observed_generation",
     "latest_created_revision", "latest_ready_revision", "reconciling", "terminal_condition", "traffic",
     "traffic_statuses", "update_time", "last_modifier"}
)  # fmt: skip
"""What a rollout, or any neighbour's write, changes all the time and no configuration says."""


def _matters(raw: Mapping[str, Any]) -> bool:
    """Whether somebody changed what the configuration is about."""
    before, after = raw["change"].get("before") or {}, raw["change"].get("after") or {}
    return any(before.get(k) != after.get(k) for k in {*before, *after} - _NOT_DRIFT)


def _change(raw: Mapping[str, Any], secrets: Sequence[str]) -> Change:
    change = raw["change"]
    adopted = bool(change.get("importing"))
    action = _action(change.get("actions") or (), imports=adopted)
    replace_paths = {path_text(path) for path in change.get("replace_paths") or ()}
    attributes = (
        differences(change, replace_paths, secrets)
        if action in (Action.UPDATE, Action.REPLACE, Action.IMPORT)
        else ()
    )
    before = change.get("before")
    deposed = f" (deposed {raw['deposed']})" if raw.get("deposed") else ""
    return Change(
        address=raw["address"] + deposed,
        type=raw["type"],
        name=raw["name"],
        action=action,
        attributes=tuple(attributes),
        replaced_because=tuple(sorted(replace_paths)),
        reason=str(raw.get("action_reason", "")).replace("_", " "),
        previous_address=raw.get("previous_address", ""),
        abandons=isinstance(before, dict)
        and (before.get("deletion_policy") == "ABANDON" or before.get("disable_on_destroy") is False),
        adopted=adopted,
    )


def _action(actions: Sequence[str], *, imports: bool) -> Action:
    match sorted(actions):
        case ["create", "delete"]:
            return Action.REPLACE
        case ["no-op"] | []:
            return Action.IMPORT if imports else Action.NO_OP
        case ["create", "forget"]:
            return Action.CREATE
        case [one] if one in list(Action):
            return Action(one)
    raise TerraformError(f"The plan has an action that is not understood: {', '.join(actions)}")


def _output(name: str, raw: Mapping[str, Any], secrets: Sequence[str]) -> OutputChange:
    secret = raw.get("before_sensitive") is True or raw.get("after_sensitive") is True
    # What is only partly known is shown by its size, and nobody knows that yet.
    unknown = has_mark(raw.get("after_unknown"))
    return OutputChange(
        name,
        _action(raw.get("actions") or (), imports=False),
        shown(raw.get("before"), secret, secrets),
        UNKNOWN if unknown else shown(raw.get("after"), secret, secrets),
    )
