"""Request model of the admin routes. No I/O."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ert_backend.edge.key_store import MOST

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class KeyChange(BaseModel):
    """The new set of accepted keys, as SHA-256; `generation` increases with every change."""

    model_config = ConfigDict(extra="forbid", strict=True)
    generation: int = Field(ge=1, le=2**53)
    hashes: list[Hash] = Field(min_length=1, max_length=MOST)
