"""`notify`: who is told how a rollout goes. Their addresses are secrets and come from the environment."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tidegate.core.spec.base import Model
from tidegate.core.spec.given import FromEnv
from tidegate.core.spec.values import matching

TellOf = Literal["start", "step", "verdict", "end"]
EVENTS: tuple[TellOf, ...] = get_args(TellOf)
TopicName = Annotated[
    str,
    matching(
        r"projects/[^/\s]+/topics/[A-Za-z][A-Za-z0-9._~+%-]{2,254}",
        "is not a topic; write projects/PROJECT/topics/TOPIC",
    ),
]


class Listener(Model):
    """Exactly one of the kinds."""

    webhook: FromEnv | None = None
    slack: FromEnv | None = None
    pubsub: TopicName | None = None
    events: tuple[TellOf, ...] = Field(default=EVENTS, min_length=1)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(kind is not None for kind in (self.webhook, self.slack, self.pubsub)) != 1:
            raise PydanticCustomError("listener", "needs exactly one of webhook, slack and pubsub")
        return self
