"""Other replicas of a deployment, as one of them has to know them: what they take up, and where their machines are."""

from __future__ import annotations

from dataclasses import dataclass

from ert_deploy.core.model.boot.ended import Denied


@dataclass(frozen=True, slots=True)
class Others:
    """The other replicas at one observation.

    `crowded` is how many instances they have, or may have, beyond one each. `machines`, `hosts` and `ips` are those of
    their instances. Until the Unix time `join` nothing is published, as others boot and one deploy can serve all; 0 for
    at once. `denied` are the machines and hosts that they exclude, `written` the owners and services that their states
    were written for.
    """

    crowded: int = 0
    machines: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    ips: frozenset[str] = frozenset()
    join: float = 0.0
    denied: frozenset[Denied] = frozenset()
    written: frozenset[tuple[tuple[str, ...], tuple[str, ...]]] = frozenset()

    def near(self, machine_id: str, host_id: str, ip: str) -> bool:
        """Whether it is a machine, host or address of another replica; what is not known is apart."""
        return machine_id in self.machines or host_id in self.hosts or ip in self.ips


ALONE = Others()
