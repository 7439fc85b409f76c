"""Contract of the backend probe: one suite for the fake, the simulator's backends, and TLS with the real program."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ert_deploy.core.model.errors import ErtError, Rejected, StateConflict
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Address, Health, Vital
from ert_deploy.core.model.secret import Secret
from tests.support.contract.backends import BACKENDS, FIRST, KEYS, SECOND, Rig

NEW = Secret("ert-a-new-key")


@pytest.fixture(params=BACKENDS)
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    with BACKENDS[request.param]() as made:
        yield made


def probed(rig: Rig, pinned: str = "") -> Health:
    return rig.probe.probe(rig.address, rig.mark, rig.boot_secret, pinned)


def healthy(rig: Rig) -> str:
    """Wait until the backend is healthy; its certificate."""
    rig.wait(lambda: probed(rig).vital is Vital.HEALTHY)
    certificate = probed(rig).certificate
    assert certificate is not None
    return certificate


def taken(rig: Rig, certificate: str) -> list[bool]:
    return [rig.probe.accepts(rig.address, certificate, key) for key in (FIRST, SECOND, NEW)]


def test_it_becomes_healthy_and_proves_one_certificate(rig: Rig) -> None:
    certificate = healthy(rig)
    assert certificate.startswith("-----BEGIN CERTIFICATE-----")
    again = probed(rig, certificate)
    assert (again.vital, again.certificate) == (Vital.HEALTHY, certificate)
    assert again.model
    assert again.engine.startswith("ollama")


def test_where_nothing_listens_it_is_unreachable(rig: Rig) -> None:
    healthy(rig)
    nowhere = Address(rig.address.ip, rig.address.port - 1)
    found = rig.probe.probe(nowhere, rig.mark, rig.boot_secret, "")
    assert (found.vital, found.certificate) == (Vital.UNREACHABLE, None)


@pytest.mark.parametrize("other", ["boot secret", "deployment", "token"])
def test_without_its_boot_secret_and_mark_it_proves_nothing(rig: Rig, other: str) -> None:
    healthy(rig)
    mark, secret = rig.mark, rig.boot_secret
    if other == "boot secret":
        secret = Secret("cd" * 32)
    else:
        mark = Mark("other", mark.token) if other == "deployment" else Mark(mark.deployment, "9" * 32)
    found = rig.probe.probe(rig.address, mark, secret, "")
    assert (found.vital, found.certificate) == (Vital.IMPOSTOR, None)


def test_its_keys_are_shown_for_its_boot_secret_only(rig: Rig) -> None:
    certificate = healthy(rig)
    with pytest.raises(Rejected):
        rig.probe.keys_in_force(rig.address, certificate, Secret("cd" * 32))


def test_it_takes_the_keys_that_it_was_created_with_and_no_other(rig: Rig) -> None:
    certificate = healthy(rig)
    assert taken(rig, certificate) == [True, True, False]
    generation, hashes = rig.probe.keys_in_force(rig.address, certificate, rig.boot_secret)
    assert (generation, set(hashes)) == (0, set(KEYS))


def test_an_idle_backend_writes_no_report(rig: Rig) -> None:
    assert rig.probe.busy(rig.address, healthy(rig), FIRST) == 0


def test_keys_that_are_set_are_the_only_ones_and_setting_them_again_is_harmless(rig: Rig) -> None:
    certificate = healthy(rig)
    both, new = (SECOND.sha256(), NEW.sha256()), (NEW.sha256(),)
    for _ in range(2):
        rig.probe.set_keys(rig.address, certificate, rig.boot_secret, 1, both)
    assert taken(rig, certificate) == [False, True, True]
    rig.probe.set_keys(rig.address, certificate, rig.boot_secret, 2, new)
    assert taken(rig, certificate) == [False, False, True]
    assert rig.probe.keys_in_force(rig.address, certificate, rig.boot_secret) == (2, new)


def test_an_older_generation_changes_nothing(rig: Rig) -> None:
    certificate = healthy(rig)
    new = (NEW.sha256(),)
    rig.probe.set_keys(rig.address, certificate, rig.boot_secret, 5, new)
    for generation in (4, 5):
        with pytest.raises(StateConflict):
            rig.probe.set_keys(rig.address, certificate, rig.boot_secret, generation, KEYS)
    assert rig.probe.keys_in_force(rig.address, certificate, rig.boot_secret) == (5, new)


def test_nothing_is_told_to_a_holder_of_another_certificate(rig: Rig) -> None:
    healthy(rig)
    other = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    for call in (
        lambda: rig.probe.accepts(rig.address, other, FIRST),
        lambda: rig.probe.keys_in_force(rig.address, other, rig.boot_secret),
        lambda: rig.probe.set_keys(rig.address, other, rig.boot_secret, 1, (NEW.sha256(),)),
    ):
        with pytest.raises(ErtError):
            call()


def test_limits_of_the_guard_are_shown_and_set_by_the_owner_alone(rig: Rig) -> None:
    certificate = healthy(rig)
    assert probed(rig).limits == (1200, 2700, 43200)
    for _ in range(2):
        rig.probe.set_limits(rig.address, certificate, rig.boot_secret, (3600, 2700, 0))
        assert probed(rig).limits == (3600, 2700, 0)
    with pytest.raises(Rejected):
        rig.probe.set_limits(rig.address, certificate, Secret("ab" * 32), (60, 2700, 0))
    assert probed(rig).limits == (3600, 2700, 0)
