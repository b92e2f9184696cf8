"""What all sections of a spec have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Frozen, strict about types, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, str_max_length=32768, allow_inf_nan=False
    )
