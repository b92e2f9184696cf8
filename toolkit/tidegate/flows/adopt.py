"""Takes what exists already into the state, instead of planning to make it once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidegate.core.adopt import (
    KINDS,
    Answer,
    Creation,
    Look,
    adopting,
    creations,
    double_note,
    doubles,
    import_blocks,
    policies_of,
    rename_note,
    renames,
    settle_note,
    settled_elsewhere,
)
from tidegate.core.errors import Denied
from tidegate.core.spec import Spec
from tidegate.ports import Estate, SavedPlan

IMPORTS = "imports.tf"
_SERVICE = "google_cloud_run_v2_service"
_MOST_ROUNDS = 4
"""What depends on what: a version on its secret, access on both. Each round makes one more level known."""


@dataclass
class Adoption:
    """One command's look at what exists. Each question is asked once. `say` gets a sentence at a time."""

    spec: Spec
    estate: Estate
    say: Callable[[str], None]
    answers: dict[Look, Answer] = field(default_factory=dict)

    def plan(
        self,
        directory: Path,
        saved: SavedPlan,
        again: Callable[[], SavedPlan],
        write: Callable[[Mapping[str, str]], None],
    ) -> SavedPlan:
        """The plan in which everything that exists is imported; `saved` itself when nothing does.

        `write` puts files beside the rendered ones, by path relative to the roots, until it is called again;
        `again` plans. Raises RemoteError when it cannot be read what exists.
        """
        imports: dict[str, str] = {}
        told: dict[str, str] = {}
        try:
            for _ in range(_MOST_ROUNDS):
                new = [(c, identity) for c in creations(saved.json) if (identity := self._found(c))]
                if not new:
                    break
                imports |= {creation.target: identity for creation, identity in new}
                told |= {creation.address: identity for creation, identity in new}
                write({f"{directory.name}/{IMPORTS}": import_blocks(imports)})
                saved = again()
        finally:
            if imports:
                write({})  # the saved plan holds the configuration it was made from
        if told:
            self.say(adopting(directory.name, told))
            # Only an answer that was needed to take over policies can show that there are too many.
            policies = self.answers.get(policies_of(self.spec.project))
            if names := doubles(self.spec, policies, told.values()):
                self.say(double_note(names))
        return saved

    def _found(self, creation: Creation) -> str:
        """Its import id; empty when it does not exist, or when that may not be known."""
        kind = KINDS.get(creation.type)
        if kind is None or not creation.target:
            return ""
        looks = kind.looks(self.spec, creation.after)
        answers = [self._read(look) for look in looks]
        return kind.find(self.spec, creation.after, answers) if looks else ""

    def _read(self, look: Look) -> Answer:
        if look not in self.answers:
            try:
                self.answers[look] = self.estate.read(look)
            except Denied as error:
                # Terraform may use another identity, and be refused or not: it will say so itself.
                self.answers[look] = None
                self.say(f"what exists already may not be taken over: {error.message}")
        return self.answers[look]

    def neighbours(self, plan: Mapping[str, Any]) -> None:
        """Says, when the plan makes a service, which one it may be meant to take the place of."""
        if not any(creation.type == _SERVICE for creation in creations(plan)):
            return
        spec = self.spec
        region = f"projects/{spec.project}/locations/{spec.region}/services"
        if others := renames(spec, self._read(Look("run", region, collection="services"))):
            self.say(rename_note(spec, others))
        if regions := settled_elsewhere(spec, self._read(policies_of(spec.project))):
            self.say(settle_note(spec, regions))
