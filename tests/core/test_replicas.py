"""Names of replicas, what is desired of one of them, and the states of several in one document."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ert_deploy.core.model.app.external import External
from ert_deploy.core.model.desired import OwnedNames, Phase, Target
from ert_deploy.core.model.labels import MOST_REPLICAS, Mark, label, parse_label, read_birth, read_mark
from ert_deploy.core.model.plain.state import NEWEST, VERSION, from_json, to_json
from ert_deploy.core.model.replica import one_replica, replica_name, replica_of
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import InstanceRecord, Intent, State, Tombstone
from ert_deploy.core.planning.app_env import connected, withdrawn
from tests.support.fakes.history import WANTED
from tests.support.ids import nth

TOKEN = "0123456789abcdef" * 2
THREE = replace(WANTED, replicas=3, targets=(Target("dash", previews=True),))


@pytest.mark.parametrize("number", range(1, MOST_REPLICAS + 1))
def test_a_name_tells_deployment_and_number(number: int) -> None:
    name = replica_name("ert", number)
    assert replica_of(name) == ("ert", number)
    mark = Mark(name, TOKEN)
    env = mark.env()
    assert (env["ERT_DEPLOYMENT"], mark.family) == ("ert", "ert"), "images of earlier releases know no replica"
    assert parse_label(label(mark)) == read_mark(label(mark), env) == read_birth(env) == mark


def test_the_first_replica_has_the_name_of_the_deployment() -> None:
    assert replica_name("ert", 1) == "ert"
    assert replica_name("ert", 2) == "ert.2"


@pytest.mark.parametrize("name", ["ert.1", "ert.9", "ert.0", "ert.2.3", "ert.", "ert.22", ".2"])
def test_no_other_name_is_that_of_a_further_replica(name: str) -> None:
    assert replica_of(name) == (name, 1)
    assert parse_label(f"ert1:{name}:{TOKEN}") is None


@pytest.mark.parametrize("number", [0, -1, MOST_REPLICAS + 1])
def test_there_are_as_many_as_there_are_names(number: int) -> None:
    with pytest.raises(ValueError, match="no replica"):
        replica_name("ert", number)


def test_one_replica_is_what_it_was() -> None:
    assert one_replica(WANTED, 1) is WANTED
    assert one_replica(THREE, 1) == THREE


def test_a_further_replica_publishes_under_numbered_names_and_switches_nothing_else_off() -> None:
    wanted = one_replica(THREE, 2)
    (target,) = wanted.targets
    assert (wanted.deployment, wanted.replica, wanted.phase) == ("ert.2", 2, Phase.RUNNING)
    assert target.health_field == "fingerprint_2"
    written = connected(target, "https://192.0.2.7:1", Secret("k"), "pem", "m")
    assert [*written] == [
        "REMOTE_LLM_INTEGRATION_2", "ERT_LLM_BACKEND_URL_2", "ERT_LLM_API_KEY_2", "ERT_LLM_TIMEOUT_2",
        "ERT_LLM_CA_CERT_2", "ERT_LLM_MODEL_2", "ERT_LLM_PREVIEWS_2", "ERT_LLM_CONFIG_FINGERPRINT_2",
    ]  # fmt: skip
    assert [*withdrawn(target)] == ["REMOTE_LLM_INTEGRATION_2", "ERT_LLM_CONFIG_FINGERPRINT_2"]
    assert not {*target.names.all()} & {*OwnedNames().all()}


def test_a_replica_above_their_number_is_to_be_removed_in_every_phase() -> None:
    for phase in Phase:
        assert one_replica(replace(THREE, phase=phase), 3).phase is phase
        assert one_replica(replace(THREE, phase=phase), 4).phase is Phase.ABSENT


def test_an_external_server_takes_the_place_of_all_replicas() -> None:
    moved = replace(THREE, external=External("https://llm.example.org", "m", "K", Secret("k")))
    assert one_replica(moved, 1).external is not None
    second = one_replica(moved, 2)
    assert (second.external, second.phase) == (None, Phase.ABSENT)


def test_each_replica_may_spend_its_share() -> None:
    assert [one_replica(replace(THREE, max_cost=0.3), k).max_cost for k in (1, 2)] == [pytest.approx(0.1)] * 2
    assert [one_replica(THREE, k).max_cost for k in (1, 2)] == [None, None]


PART = State(
    "ert.2", 4, (Intent(TOKEN, 5.0, "7", "1007", host_id="h", ip="192.0.2.7"),),
    (InstanceRecord("b" * 32, nth(5), "1005", -7.0),), (Tombstone("c" * 32, nth(6), 6.0, "old"),), begun=-3.0,
)  # fmt: skip
WHOLE = State("ert", 9, records=(InstanceRecord("a" * 32, nth(4), "1004", 2.0),), replicas=(PART, State("ert.3", 1)))


def test_a_state_without_replicas_is_what_it_was() -> None:
    plain = to_json(replace(WHOLE, replicas=(), intents=(Intent("d" * 32, 1.0, "7", "1007"),)))
    assert plain["version"] == VERSION
    assert "replicas" not in plain
    assert {*plain["intents"][0]} == {"token", "at", "offer_id", "machine_id", "gone"}


@pytest.mark.parametrize("state", [WHOLE, replace(WHOLE, replicas=(PART,)), replace(PART, deployment="ert")])
def test_a_state_with_replicas_is_read_again_and_not_by_earlier_releases(state: State) -> None:
    plain = json.loads(json.dumps(to_json(state)))
    assert plain["version"] == NEWEST > VERSION
    assert from_json(plain) == state


def damaged(part: Any) -> dict[str, Any]:
    return {**to_json(WHOLE), "replicas": [part]}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (damaged(5), "5 is not an object"),
        (damaged({**to_json(State("ert.2")), "generation": -1}), "unknown"),
        (damaged({**to_json(WHOLE)["replicas"][0], "generation": -1}), "below 0"),
        (damaged({**to_json(WHOLE)["replicas"][0], "replicas": []}), "'replicas' is unknown"),
        (damaged({**to_json(WHOLE)["replicas"][0], "deployment": "other.2"}), "its replicas are other.2"),
        (damaged({**to_json(WHOLE)["replicas"][0], "deployment": "ert"}), "replica ert is in it twice"),
        ({**to_json(WHOLE), "version": VERSION}, "'replicas' is unknown"),
        (to_json(replace(WHOLE, replicas=(PART, PART))), "instance 5 is in it twice"),
        (to_json(replace(WHOLE, records=PART.records)), "instance 5 is in it twice"),
        (to_json(replace(WHOLE, intents=PART.intents)), "is in it twice"),
    ],
)
def test_what_no_release_writes_is_refused(data: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        from_json(json.loads(json.dumps(data)))


def test_a_state_is_empty_if_no_replica_has_anything() -> None:
    assert State("ert", replicas=(State("ert.2"),)).empty()
    assert not State("ert", replicas=(PART,)).empty()
