"""The section `guard`: what goes on watching a revision after its rollout has ended."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from tidegate.core.spec.base import Model
from tidegate.core.spec.containers import SecretRef
from tidegate.core.spec.values import PositiveDuration, Text, matching

Schedule = Annotated[
    str,
    matching(r"\S+( \S+){4}", 'is not a schedule; write the five fields of cron, such as "*/15 * * * *"'),
]


class Guard(Model):
    """`enabled` renders the scheduled job; the command `tidegate guard` works without it."""

    enabled: bool = False
    image: Text | None = None
    schedule: Schedule = "*/15 * * * *"
    time_zone: Text = "Etc/UTC"
    window: PositiveDuration = 21600.0
    until: PositiveDuration = 259200.0
    rollback: bool = False
    paused: bool = False
    webhooks: SecretRef | None = None

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        if self.enabled and self.image is None:
            raise PydanticCustomError("guard", "is enabled and has no image to run tidegate from")
        if self.window > self.until:
            raise PydanticCustomError("guard", "has a window longer than until")
        return self
