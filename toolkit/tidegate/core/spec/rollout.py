"""The section `rollout`: how much traffic for how long, and what has to be passed on the way."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, PlainValidator, model_validator
from pydantic_core import PydanticCustomError, PydanticKnownError

from tidegate.core.spec.base import Model
from tidegate.core.spec.hooks import Hook
from tidegate.core.spec.regions import Waves
from tidegate.core.spec.suggest import suggest
from tidegate.core.spec.values import Duration, HttpPath, PositiveDuration

PAUSE: Literal["pause"] = "pause"
"""A word among the steps: wait here until a person says go on."""
_MOST_HOOKS = 20


def _stage(value: Any) -> int | str:
    """A percentage or the word `pause`."""
    if isinstance(value, str):
        if value == PAUSE:
            return value
        hint = suggest(value, [PAUSE])
        raise PydanticCustomError(
            "stage", "is neither a whole number nor the word pause{hint}", {"hint": hint and f"; {hint}"}
        )
    if isinstance(value, bool) or not isinstance(value, int):
        raise PydanticKnownError("int_type")
    if value < 1:
        raise PydanticKnownError("greater_than_equal", {"ge": 1})
    if value > 100:
        raise PydanticKnownError("less_than_equal", {"le": 100})
    return value


def _one_pause_at_a_time(stages: tuple[int | str, ...]) -> tuple[int | str, ...]:
    if (PAUSE, PAUSE) in pairwise(stages):
        raise PydanticCustomError("pauses", "has pause twice in a row; once is enough")
    return stages


Stage = Annotated[int | str, PlainValidator(_stage)]


class SmokeCheck(Model):
    path: HttpPath = "/"
    status: int = Field(default=200, ge=100, le=599)
    contains: str = ""
    max_latency: PositiveDuration | None = None
    timeout: PositiveDuration = 5.0
    attempts: int = Field(default=3, ge=1, le=100)

    @model_validator(mode="after")
    def _can_be_broken(self) -> Self:
        if self.max_latency is not None and self.max_latency >= self.timeout:
            raise PydanticCustomError("smoke", "has a max_latency that is not below its timeout")
        return self


class Rollout(Model):
    """Percentages the candidate gets before 100, how long each is watched, and the bake at 100."""

    stages: Annotated[tuple[Stage, ...], AfterValidator(_one_pause_at_a_time)] = Field(
        default=(5, 25, 50), alias="steps"
    )
    step_duration: PositiveDuration = 600.0
    bake: Duration = 1800.0
    look_every: PositiveDuration | None = None
    recovery: Duration = 900.0
    start_timeout: PositiveDuration = 600.0
    on_cancel: Literal["rollback", "keep"] = "rollback"
    waves: Waves = ()
    smoke: tuple[SmokeCheck, ...] = ()
    hooks: tuple[Hook, ...] = Field(default=(), max_length=_MOST_HOOKS)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if list(self.steps) != sorted(set(self.steps)):
            raise PydanticCustomError("steps", "has steps that do not rise")
        return self

    @property
    def steps(self) -> tuple[int, ...]:
        """The percentages alone."""
        return tuple(stage for stage in self.stages if isinstance(stage, int))

    @property
    def pauses(self) -> tuple[int, ...]:
        """Indexes of the steps before which to pause; `len(steps)` is before 100 %."""
        before = [index for index, stage in enumerate(self.stages) if stage == PAUSE]
        return tuple(index - earlier for earlier, index in enumerate(before))
