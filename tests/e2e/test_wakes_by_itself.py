"""A report that is requested while the GPU sleeps is delivered: agent, dashboard and backend as real processes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.conftest import SAMPLE, Place, run_sandbox
from tests.support.agent.delivery import agent, ask, ended, is_delivered, logged_in, set_variable
from tests.support.dashboard.following import until
from tests.support.doubles.postgres import Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Run a sandbox that is slow enough for a dashboard that starts on a busy machine."""
    yield from run_sandbox(tmp_path, "toy", 20.0)


def fingerprint(place: Place) -> str:
    return str(requests.get(f"{place.world.app_url}/health", timeout=10).json()["fingerprint"])


def following(place: Place) -> None:
    """Use a config whose app may take 20 minutes to use another address by itself."""
    text = SAMPLE.read_text()
    service = "    - name: ert-dashboard\n"
    assert text.count(service) == 1
    at = text.index(service) + len(service)
    (place.folder / "mine.yaml").write_text(f"{text[:at]}      follows: 20m\n{text[at:]}")
    place.extra["ERT_CONFIG"] = "mine.yaml"


def test_it_wakes_where_it_was_and_the_app_follows_without_a_deploy(place: Place) -> None:
    process, _ = agent(place, "--gpu-only")
    place.ert("up")
    place.ert("sleep")
    before, deploys, shown = place.instances(), place.deploys(), fingerprint(place)
    place.trouble(provider="vast", kind="ports_change")
    browser = logged_in(place)
    report = ask(place, browser)
    until(lambda: is_delivered(browser, report), 200)
    assert (place.instances(), place.deploys()) == (before, deploys)
    assert fingerprint(place) != shown
    ended(place, process)


@pytest.mark.nightly
def test_with_a_key_of_the_web_host_it_writes_the_variables_and_deploys_nothing(place: Place) -> None:
    following(place)
    process, _ = agent(place)
    place.ert("up")
    place.ert("sleep")
    before, deploys, variables = place.instances(), place.deploys(), place.variables()
    place.trouble(provider="vast", kind="ports_change")
    browser = logged_in(place)
    report = ask(place, browser)
    until(lambda: is_delivered(browser, report), 200)
    until(lambda: place.variables()["ERT_LLM_CONFIG_FINGERPRINT"] == fingerprint(place), 60)
    assert place.variables()["ERT_LLM_BACKEND_URL"] != variables["ERT_LLM_BACKEND_URL"]
    assert (place.instances(), place.deploys()) == (before, deploys)
    ended(place, process)


@pytest.mark.nightly
def test_it_wakes_on_another_machine_where_its_gpu_was_taken(place: Place, database: Server) -> None:
    set_variable(place, "DATABASE_URL", database.url(database.database()))
    process, _ = agent(place)
    place.ert("up")
    place.ert("sleep")
    before = place.instances()
    place.trouble(provider="vast", kind="gpu_taken", instance_id=int(before[0]))
    browser = logged_in(place)
    report = ask(place, browser)
    until(lambda: is_delivered(browser, report), 200)
    assert not set(place.instances()) & set(before)
    ended(place, process)


@pytest.mark.nightly
def test_with_derived_keys_another_machine_is_followed_without_a_deploy_or_a_key_of_the_web_host(place: Place) -> None:
    secret = secrets.token_hex(32)
    place.extra["ERT_MACHINE_SECRET"] = secret
    set_variable(place, "ERT_MACHINE_SECRET", secret)
    following(place)
    process, _ = agent(place, "--gpu-only")
    place.ert("up")
    place.ert("sleep")
    before, deploys, shown = place.instances(), place.deploys(), fingerprint(place)
    place.trouble(provider="vast", kind="gpu_taken", instance_id=int(before[0]))
    browser = logged_in(place)
    report = ask(place, browser)
    until(lambda: is_delivered(browser, report), 200)
    until(lambda: not set(place.instances()) & set(before), 60)  # its disk could not be started any more
    assert place.instances(), "another machine"
    assert place.deploys() == deploys
    assert fingerprint(place) != shown
    assert secret not in str(place.variables() | {"ERT_MACHINE_SECRET": ""})
    ended(place, process)
