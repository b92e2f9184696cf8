"""`region`, `regions`, `rollout.waves`: where the service runs, and in which order it is deployed there."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from tidegate.core.spec.values import Region

_MOST = 50
"""More than there are."""


def _distinct(regions: tuple[str, ...]) -> tuple[str, ...]:
    if twice := _repeated(regions):
        raise PydanticCustomError("regions", "names {region} twice", {"region": twice})
    return regions


def _each_once(waves: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    if twice := _repeated([region for wave in waves for region in wave]):
        raise PydanticCustomError("waves", "names {region} twice", {"region": twice})
    return waves


def _repeated(regions: list[str] | tuple[str, ...]) -> str:
    return next((region for region, count in Counter(regions).items() if count > 1), "")


def check_waves(waves: tuple[tuple[str, ...], ...], regions: tuple[str, ...]) -> None:
    """Raises pydantic's error unless the waves hold every region and no other; no waves are in order."""
    named = [region for wave in waves for region in wave]
    if not named:
        return
    for region in named:
        if region not in regions:
            raise PydanticCustomError(
                "waves", "names {region}, which is none of the regions of the spec", {"region": region}
            )
    if left := [region for region in regions if region not in named]:
        raise PydanticCustomError("waves", "leaves out {left}", {"left": ", ".join(left)})


Regions = Annotated[tuple[Region, ...], AfterValidator(_distinct), Field(max_length=_MOST)]
Wave = Annotated[tuple[Region, ...], Field(min_length=1)]
Waves = Annotated[tuple[Wave, ...], AfterValidator(_each_once)]
