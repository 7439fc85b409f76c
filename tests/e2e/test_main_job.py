"""The main job with everything real but the two providers: real SDK, processes, sockets, kills."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
from pathlib import Path

import pytest
import requests

from ert_deploy.sandbox.runtime.clock import WorldClock
from tests.e2e.conftest import Place
from tests.support.nightly import nightly

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
OWNED = {
    "REMOTE_LLM_INTEGRATION",
    "ERT_LLM_BACKEND_URL",
    "ERT_LLM_API_KEY",
    "ERT_LLM_TIMEOUT",
    "ERT_LLM_CA_CERT",
    "OLLAMA_INTEGRATION",
    "OPENAI_INTEGRATION",
    "ERT_LLM_CONFIG_FINGERPRINT",
}
SEEN_ABSENT = ("ERT_LLM_BACKEND_URL", "ERT_LLM_API_KEY", "ERT_LLM_CA_CERT")


def others(variables: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name not in OWNED}


def test_from_nothing_to_a_report_and_back_to_nothing(place: Place) -> None:
    """With the `toy` model; `make demo`, which also runs in CI, does the same with a real model."""
    before = place.variables()

    up = place.data("up")
    (backend,) = up["backends"]
    (service,) = up["services"]
    assert up["changed"]
    assert place.variables()["ERT_LLM_BACKEND_URL"] == backend["url"]
    assert place.variables()["ERT_LLM_CONFIG_FINGERPRINT"] == service["fingerprint"]

    again = place.data("up")
    assert not again["changed"]
    assert again["backends"][0]["instance"] == backend["instance"]

    report = place.data("report", "AAPL")
    assert len(report["sections"]) == 5
    assert "391.04B" in report["sections"]["financial_analysis"]
    assert report["metadata"]["sandbox"] is True
    assert "sandbox" in report["metadata"]["engine"]
    assert report["generation_time"] > 0

    (place.folder / ".ert" / "ert-sandbox.json").unlink()
    adopted = place.data("up")
    assert adopted["backends"][0]["instance"] == backend["instance"]
    assert place.instances() == [backend["instance"]]

    assert place.data("down")["changed"]
    assert not place.data("down")["changed"]
    assert place.instances() == []
    after = place.variables()
    assert others(after) == others(before)
    assert not any(name in after for name in SEEN_ABSENT)
    bill = place.bill()
    assert bill["running"] == []
    assert len(bill["rows"]) == 1
    assert bill["totals"]["all"] > 0


@pytest.mark.parametrize("seconds", [2.0, *nightly(0.7, 1.2, 3.0)])
def test_killed_during_up_then_up_gives_one_instance(place: Place, seconds: float) -> None:
    process = place.start("up")
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.kill()
    process.communicate()
    (backend,) = place.data("up")["backends"]
    assert place.instances() == [backend["instance"]]
    place.ert("down")
    assert place.instances() == []
    assert place.bill()["running"] == []


@pytest.mark.parametrize("number", [signal.SIGINT, *nightly(signal.SIGTERM, signal.SIGHUP)])
def test_interrupted_says_how_to_go_on_and_the_next_command_does(place: Place, number: signal.Signals) -> None:
    process = place.start("up")
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1.5)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    # A shell reports 130 for both: CPython exits by the signal if interrupted inside an exec() of an import.
    assert process.returncode in (130, -signal.SIGINT), said
    assert "ert-deploy down" in said
    assert "Traceback" not in said
    place.ert("down")
    assert place.instances() == []
    assert place.bill()["running"] == []


def test_interrupted_after_a_rental_says_what_bills_at_which_price(place: Place) -> None:
    process = place.start("up")
    assert process.stderr is not None
    rented = next(line for line in process.stderr if line.startswith("rented instance "))
    process.send_signal(signal.SIGINT)
    said = process.stderr.read()
    assert process.wait(60) == 130
    instance = rented.split()[2]
    assert re.search(rf"Billing now in the sandbox, which costs nothing: instance {instance} \$0\.\d{{4}}/h", said), (
        said
    )
    assert "hint: run the same command again to continue, or `ert-deploy down`" in said
    place.ert("down", "--now")


def test_two_ups_in_one_folder_make_one_instance(place: Place) -> None:
    first, second = place.start("up"), place.start("up")
    codes = sorted((first.wait(120), second.wait(120)))
    assert codes in ([0, 3], [0, 0])
    assert len(place.instances()) == 1


@pytest.mark.parametrize("when", ["after", *nightly("before")])
def test_a_create_whose_answer_is_lost_is_found_or_ruled_out(place: Place, when: str) -> None:
    place.fault(provider="vast", operation="create", when=when, reset=True)
    (backend,) = place.data("up")["backends"]
    assert place.instances() == [backend["instance"]]
    place.ert("down")
    assert place.bill()["running"] == []


@pytest.mark.nightly  # simulated in every run of the tests
def test_an_offer_that_goes_to_somebody_else_costs_one_try(place: Place) -> None:
    body = '{"success": false, "error": "no_such_ask", "msg": "error 410/3907: offer is no longer available."}'
    place.fault(provider="vast", operation="create", status=410, body=body)
    done = place.ert("up")
    assert "was taken" in done.stderr
    assert len(place.instances()) == 1


def test_a_provider_that_cannot_be_read_means_exit_5_and_no_change(place: Place) -> None:
    before = place.variables()
    place.fault(provider="vast", operation="list", status=502, body="<html>bad gateway</html>", count=50)
    done = place.ert("up", code=5)
    assert "could not be read" in done.stderr
    assert place.variables() == before
    assert place.instances() == []


def test_no_offer_that_matches_means_exit_2_with_the_filters_and_no_change(place: Place) -> None:
    before = place.variables()
    sample = (Path(__file__).parents[2] / "configs" / "sandbox.yaml").read_text()
    assert "max_dph: 0.60" in sample
    (place.folder / "cheap.yaml").write_text(sample.replace("max_dph: 0.60", "max_dph: 0.01"))
    done = place.ert("up", "-c", "cheap.yaml", code=2)
    assert "no offer matches" in done.stderr
    assert "removed by offer/max_dph" in done.stderr
    assert place.variables() == before
    assert place.instances() == []


def test_a_deploy_that_fails_puts_everything_back_and_says_why(place: Place) -> None:
    before = place.variables()
    place.trouble(provider="render", kind="deploy_fails", status="update_failed")
    done = place.ert("up", code=1)
    assert "finished as update_failed" in done.stderr
    kept = place.variables()
    kept.pop("ERT_LLM_CONFIG_FINGERPRINT")  # set because an instance was rented for the service
    assert kept == before
    assert place.data("up")["services"][0]["fingerprint"]
    place.ert("down")
    assert place.bill()["running"] == []


@pytest.mark.nightly  # `tests/kills/test_reap_after_loss.py` has strangers in the account
def test_two_projects_of_one_name_and_an_edited_label(place: Place) -> None:
    """Another owner's machine with the same name is listed and never changed; an edited label needs a decision."""
    key = {"Authorization": f"Bearer {place.world.vast_key}"}
    url = place.world.vast_url
    asks = requests.post(f"{url}/api/v0/bundles/", json={"limit": 5}, headers=key, timeout=10).json()["offers"]
    made = []
    clock = WorldClock(place.world.speed)
    for ask, owner, label in zip(asks, ("their-project:", "the-sandbox:", ""), ("a", "edited", "b"), strict=False):
        clock.sleep(5)  # the interval at which Vast accepts creates
        token = label[0] * 32
        env = {"ERT_DEPLOYMENT": "ert-sandbox", "ERT_TOKEN": token} | ({"ERT_OWNER": owner} if owner else {})
        text = label if label == "edited" else f"ert1:ert-sandbox:{token}"
        body = {"client_id": "me", "image": "x/y:1", "env": env, "disk": 10, "label": text, "runtype": "args"}
        answer = requests.put(f"{url}/api/v0/asks/{ask['id']}/", json=body, headers=key, timeout=10).json()
        made.append(str(answer["new_contract"]))
    theirs, edited, older = made
    seen = json.loads(place.ert("status", "--json", code=5).stdout)
    assert [row["instance"] for row in seen["attention"]] == sorted((edited, older))
    assert seen["others"] == [theirs]
    blocked = json.loads(place.ert("up", "--json", code=5).stdout)
    assert [row["instance"] for row in blocked["attention"]] == sorted((edited, older))
    assert "is another owner's" in place.ert("destroy", str(theirs), "--yes", code=2).stderr
    assert "no terminal to prompt on" in place.ert("destroy", str(edited), code=2).stderr
    done = place.data("destroy", str(edited), "--yes")
    assert (done["instance"], done["decision"]) == (edited, "destroyed")
    assert "is adopted" in place.ert("adopt", str(older), "--yes").stdout
    assert [r["id"] for r in place.data("state", "show")["state"]["records"]] == [older]
    assert "degraded" in place.ert("status", code=6).stdout, "what is adopted is no backend"
    place.ert("down")
    assert place.instances() == [theirs]
    requests.delete(f"{url}/api/v0/instances/{theirs}/", json={}, headers=key, timeout=10)


@pytest.mark.nightly
def test_a_stranger_on_the_account_is_never_touched(place: Place) -> None:
    """An unrelated instance, and one that was given the deployment's label but not its environment."""
    key = {"Authorization": f"Bearer {place.world.vast_key}"}
    url = place.world.vast_url
    asks = requests.post(f"{url}/api/v0/bundles/", json={"limit": 20}, headers=key, timeout=10).json()["offers"]
    asks = [ask for ask in asks if ask["duration"] > 30 * 86_400]  # the sandbox removes what has come to its end
    theirs = []
    clock = WorldClock(place.world.speed)
    for ask, label in zip(asks, ("training", f"ert1:ert-sandbox:{'a' * 32}"), strict=False):
        clock.sleep(5)  # the interval at which Vast accepts creates
        body = {"client_id": "me", "image": "them/img:1", "env": {}, "disk": 10, "label": label, "runtype": "args"}
        made = requests.put(f"{url}/api/v0/asks/{ask['id']}/", json=body, headers=key, timeout=10).json()
        theirs.append(str(made["new_contract"]))
    said = f"instance {theirs[1]} was not changed and may bill: it has our label and not our environment"
    for words in (("up",), ("status",), ("plan",), ("sleep", "--now"), ("wake",), ("down", "--json"), ("sleep",)):
        done = place.ert(*words, code=5)
        assert said in done.stderr
        assert str(theirs[0]) not in done.stderr
        assert "nothing bills" not in done.stdout
    assert sorted(place.instances()) == sorted(theirs)
    assert said in place.ert("reap", "--yes", code=5).stderr
    place.ert("ignore", str(theirs[1]), "--yes")
    for words in (("status",), ("plan",), ("down",), ("reap", "--yes")):
        place.ert(*words)
    assert sorted(place.instances()) == sorted(theirs)
    for number in theirs:
        clock.sleep(3)
        requests.delete(f"{url}/api/v0/instances/{number}/", json={}, headers=key, timeout=10)
