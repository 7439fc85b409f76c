"""Backend identity: verified in every run, so that an attacker on the network with write access to the state fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ert_deploy.core.model.desired import OwnedNames, Phase
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Address, Health, Vital
from ert_deploy.core.model.secret import Secret
from ert_deploy.engine.rotate import rotate
from ert_deploy.ports import BackendProbe
from tests.support.fakes.history import WANTED, Process, argument, is_up, served, start, up
from tests.support.fakes.loopback import FakeBackend, FakeWorld, certificate

NAMES = OwnedNames()
OTHER = replace(WANTED, launch=replace(WANTED.launch, context=8192))
FORGED = certificate("of somebody else")
SECRETS = (BackendProbe.accepts, BackendProbe.busy, BackendProbe.keys_in_force, BackendProbe.set_keys)


@dataclass
class OnThePath:
    """Man in the middle: reachable at known addresses, with another certificate and without boot secret."""

    honest: FakeBackend
    addresses: set[Address]
    given: list[str] = field(default_factory=list)

    def probe(self, address: Address, mark: Mark, boot_secret: Secret, pinned: str) -> Health:
        if address not in self.addresses:
            return self.honest.probe(address, mark, boot_secret, pinned)
        if pinned == FORGED:  # with its private key, so that TLS works
            return Health(Vital.HEALTHY, certificate=FORGED, model="m", engine="ollama 0.35.0")
        return Health(Vital.IMPOSTOR, "it cannot prove its identity")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Store the name of every call with a secret that is sent to a known address or to `FORGED`."""

        def call(address: Address, pem: str, *rest: Any) -> Any:
            if address in self.addresses or pem == FORGED:
                self.given.append(name)
                return {"keys_in_force": 9, "busy": 1}.get(name, True)
            return getattr(self.honest, name)(address, pem, *rest)

        return call


def forged(made: FakeWorld) -> None:
    """Write `FORGED` into the state as the certificate."""
    state = made.store.state
    made.store.save(state.put_record(replace(state.records[0], certificate=FORGED)))


def attacked(made: FakeWorld) -> tuple[FakeWorld, OnThePath]:
    forged(made)
    instance = made.gpu.only()
    between = OnThePath(made.backend, {Address("203.0.113.7", instance.port)})
    return replace(made, ports=replace(made.ports, backend=between)), between


RUNS: dict[str, Callable[[FakeWorld], Process[Any]]] = {
    "up": start,
    "up, changed config": lambda made: start(made, OTHER),
    "sleep": lambda made: start(made, replace(WANTED, phase=Phase.ASLEEP)),
    "wake": lambda made: start(made, replace(WANTED, begin=False)),
    "down": lambda made: start(made, replace(WANTED, phase=Phase.ABSENT)),
    "key rotate": lambda made: Process(made, rotate(replace(WANTED, begin=False))),
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_who_wrote_the_state_and_sits_on_the_path_gets_no_secret(run: Callable[[FakeWorld], Process[Any]]) -> None:
    made, between = attacked(served())
    process = run(made)
    while process.step():
        assert made.web.services["dash"].env.get(NAMES.certificate) != Secret(FORGED)
    assert between.given == []


def test_rotate_says_who_answers_there() -> None:
    made, _ = attacked(served())
    with pytest.raises(ErtError) as refused:
        RUNS["key rotate"](made).finish()
    assert "impostor: it cannot prove its identity" in refused.value.detail


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_every_secret_is_sent_to_what_this_run_has_seen_proven(run: Callable[[FakeWorld], Process[Any]]) -> None:
    """With a forged certificate in the state and a direct path, the backend's certificate is used and pinned again."""
    made = served()
    forged(made)
    process, shown = run(made), set[str]()
    while True:
        effect = process.effect
        if effect.method is BackendProbe.probe:
            assert argument(effect, "pinned") in shown | {""}
        elif effect.method in SECRETS:
            assert argument(effect, "certificate") in shown
        before = process.done
        if not process.step():
            break
        if effect.method is BackendProbe.probe and process.done > before:
            shown |= {certificate(i.order.mark.token) for i in made.gpu.instances.values()}
    assert process.error is None
    assert FORGED not in made.store.text


def test_a_certificate_that_was_forged_is_pinned_anew_without_a_deploy() -> None:
    made = served()
    forged(made)
    up(made)
    is_up(made)
    assert made.store.state.records[0].certificate == certificate(made.gpu.only().order.mark.token)
    assert len(made.web.services["dash"].deploys) == 1
