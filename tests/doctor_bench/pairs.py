"""Pairs: two causes at once that do not hide each other, so that a doctor has to find both.

One of a launch comes first, since it carries out the `up`; the second is then added to the world that it leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.doctor_bench.troubles import BY_ID, Trouble
from tests.doctor_bench.world import World


@dataclass(frozen=True, slots=True)
class Pair:
    """Two causes, both of which a doctor has to name."""

    first: Trouble
    second: Trouble

    @property
    def id(self) -> str:
        """Both ids."""
        return f"{self.first.id}+{self.second.id}"

    @property
    def own_app(self) -> bool:
        """Whether the world needs the user's own app."""
        return self.first.own_app or self.second.own_app

    def prepare(self, world: World) -> None:
        """Bring the world to both."""
        assert not self.second.launch, self.id
        self.first.prepare(world)
        self.second.plant(world)


NAMES = (
    ("host-offline", "later-deploy-fails"),
    ("container-exited", "edited-not-deployed"),
    ("stopped-in-console", "suspended"),
    ("destroyed-in-console", "suspended-billing"),
    ("backend-hung", "key-wrong"),
    ("port-moved", "certificate-wrong"),
    ("contract-near", "variables-deleted"),
    ("price-raised", "rolled-back"),
    ("stray", "address-wrong"),
    ("vast-down", "suspended"),
    ("vast-rate-limit", "variables-deleted"),
    ("render-down", "host-offline"),
    ("render-key-revoked", "contract-near"),
    ("image-changed", "login-in-front"),
    ("cap-lowered", "edited-not-deployed"),
    ("off-switch-lost", "health-path"),
    ("locked", "stopped-in-console"),
    ("engine-hung", "key-wrong"),
    ("idle-stopped", "later-deploy-fails"),
    ("stray", "state-read-only"),
)
PAIRS = tuple(Pair(BY_ID[first], BY_ID[second]) for first, second in NAMES)
