"""The API key is rotated while the backend serves, with everything real but the two providers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.e2e.conftest import Place

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
URL, KEY, CERTIFICATE = "ERT_LLM_BACKEND_URL", "ERT_LLM_API_KEY", "ERT_LLM_CA_CERT"


def status(place: Place, key: str) -> int:
    """Return the status of the app's backend for a request with this key."""
    variables = place.variables()
    pem = place.folder / "backend.pem"
    pem.write_text(variables[CERTIFICATE])
    headers = {"Authorization": f"Bearer {key}"}
    return requests.get(f"{variables[URL]}/status", headers=headers, verify=str(pem), timeout=10).status_code


@contextmanager
def asked_all_the_time(place: Place) -> Iterator[list[int]]:
    """Send requests with the app's current key during the block; yield the list of status codes."""
    answers: list[int] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.05):
            answers.append(status(place, place.variables()[KEY]))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        over.set()
        thread.join()


def test_a_new_key_on_the_same_instance_and_the_old_one_opens_nothing(place: Place) -> None:
    (backend,) = place.data("up")["backends"]
    before = place.variables()

    with asked_all_the_time(place) as answers:
        done = place.data("key", "rotate")
    assert len(answers) > 10
    assert set(answers) == {200}

    after = place.variables()
    assert done["backends"][0]["instance"] == backend["instance"]
    assert {name for name in after if after[name] != before[name]} == {KEY, "ERT_LLM_CONFIG_FINGERPRINT"}
    assert (status(place, after[KEY]), status(place, before[KEY])) == (200, 401)
    assert done["services"][0]["fingerprint"] == after["ERT_LLM_CONFIG_FINGERPRINT"]
    assert done["key"]["before"] != done["key"]["after"]
    assert place.data("report", "AAPL")["ticker"] == "AAPL"

    said = place.ert("key", "rotate")
    newest = place.variables()[KEY]
    for key in (before[KEY], after[KEY], newest):
        assert key not in said.stdout + said.stderr + _files(place.folder / ".ert" / "ert-sandbox.json")
    assert f"key {done['key']['after']} is no longer valid" in said.stdout
    assert (status(place, newest), status(place, after[KEY])) == (200, 401)

    assert not place.data("up")["changed"], "a rotation leaves nothing to do"
    place.data("sleep")
    place.data("wake")
    assert status(place, newest) == 200
    assert place.instances() == [backend["instance"]]


@pytest.mark.nightly  # the engine's tests have each reason
def test_what_cannot_be_rotated_is_refused(place: Place) -> None:
    assert "there is no key to change" in place.ert("key", "rotate", code=2).stderr
    place.ert("up")
    place.ert("sleep")
    before = place.variables()
    refused = place.ert("key", "rotate", code=2)
    assert "is asleep" in refused.stderr
    assert "ert-deploy wake" in refused.stderr
    assert place.variables() == before


def _files(*paths: Path) -> str:
    return "".join(path.read_text() for path in paths)
