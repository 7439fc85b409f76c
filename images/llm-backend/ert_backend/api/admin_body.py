"""Request models of the routes under `/admin`. No I/O."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from ert_backend.base.allowance import MOST_SECONDS, MOST_SERIAL, Grant
from ert_backend.base.limits import MOST as LONGEST
from ert_backend.base.limits import Limits
from ert_backend.edge.key_store import MOST

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class KeyChange(BaseModel):
    """The new set of accepted keys, as SHA-256; `generation` increases with every change."""

    model_config = ConfigDict(extra="forbid", strict=True)
    generation: int = Field(ge=1, le=2**53)
    hashes: list[Hash] = Field(min_length=1, max_length=MOST)


class LimitsChange(BaseModel):
    """The limits of the off-switch, in whole money seconds; not both `idle_stop` and `max_lifetime` may be 0.

    `in_use`: its owner keeps the machine up, so that its idle time begins again.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    idle_stop: int = Field(ge=0, le=LONGEST)
    boot_deadline: int = Field(ge=0, le=LONGEST)
    max_lifetime: int = Field(ge=0, le=LONGEST)
    in_use: bool = False

    @model_validator(mode="after")
    def _stops(self) -> LimitsChange:
        self.limits()
        return self

    def limits(self) -> Limits:
        """Return them as limits; ValueError if the machine might never stop by itself."""
        return Limits(self.idle_stop, self.boot_deadline, self.max_lifetime)


class BudgetChange(BaseModel):
    """How many money seconds the machine may run from now on; `serial` increases with every change."""

    model_config = ConfigDict(extra="forbid", strict=True)
    seconds: int = Field(ge=0, le=MOST_SECONDS)
    serial: int = Field(ge=1, le=MOST_SERIAL)

    def grant(self) -> Grant:
        """Return it as a grant."""
        return Grant(self.seconds, self.serial)
