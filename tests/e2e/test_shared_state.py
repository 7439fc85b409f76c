"""Several machines, one deployment: shared state in S3, strays after a lost state, and a new state."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.conftest import Place
from tests.support.doubles import moto_s3

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]


def test_two_ups_from_two_folders_with_one_state_in_s3_make_one_instance(place: Place, s3: tuple[Any, str]) -> None:
    client, url = s3
    bucket = moto_s3.bucket(client)
    aws = {"AWS_ENDPOINT_URL_S3": url, **moto_s3.KEYS}
    first, second = (place.beside(name, f"s3://{bucket}/{{deployment}}.json", **aws) for name in ("one", "two"))
    runs = [one.start("up") for one in (first, second)]
    said = [run.communicate(timeout=150) for run in runs]
    codes = sorted(run.returncode for run in runs)
    assert codes in ([0, 3], [0, 0]), said
    assert len(place.instances()) == 1
    shown = second.data("state", "show")
    assert shown["where"] == f"s3://{bucket}/ert-sandbox.json"
    assert [r["id"] for r in shown["state"]["records"]] == place.instances()
    assert shown["lock"] is None
    assert not second.data("up")["changed"], "the other machine knows what there is"
    stored = client.get_object(Bucket=bucket, Key="ert-sandbox.json")["Body"].read().decode()
    for secret in (place.variables()["ERT_LLM_API_KEY"], place.world.vast_key, place.world.render_key):
        assert secret not in stored
    assert len(second.data("state", "history")["versions"]) > 3
    second.ert("down")
    assert place.bill()["running"] == []
    assert first.data("state", "show")["state"]["records"] == []


@pytest.mark.nightly
def test_two_ups_of_which_neither_knows_a_lock_still_make_one_instance(place: Place, s3: tuple[Any, str]) -> None:
    """The lock is removed from the first one while it runs: only the conditional writes remain."""
    client, url = s3
    bucket = moto_s3.bucket(client)
    aws = {"AWS_ENDPOINT_URL_S3": url, **moto_s3.KEYS}
    one, two = (place.beside(name, f"s3://{bucket}/shared.json", **aws) for name in ("one", "two"))
    first = one.start("up")
    while not client.list_objects_v2(Bucket=bucket, Prefix="shared.json.lock").get("KeyCount"):
        assert first.poll() is None
    assert two.data("state", "unlock", "--yes")["ended"]
    second = two.start("up")
    said = [run.communicate(timeout=150) for run in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert len(place.instances()) == 1
    two.ert("down")
    assert place.bill()["running"] == []


def test_what_a_lost_state_leaves_is_reaped_from_another_machine_once_it_is_confirmed(place: Place) -> None:
    (backend,) = place.data("up")["backends"]
    for every in ((), ("--all-deployments",)):
        assert place.data("reap", *every)["strays"] == [], "what the state knows is no stray"
    knows = place.beside("knows", "../.ert/{deployment}.json", "another")
    assert knows.data("reap", "--all-deployments", "--dry-run")["strays"] == [], "its state is found by its name"
    blind = place.beside("blind", "mine.json", "another")
    assert blind.data("reap", "--dry-run")["strays"] == [], "another deployment's are not meant"
    named = json.loads(blind.ert("reap", "--all-deployments", "--yes", "--json", "--state-is-lost", code=5).stdout)
    assert [row["instance"] for row in named["attention"]] == [backend["instance"]], "it serves, so it is named"
    assert named["strays"] == []
    place.ert("sleep")
    (stray,) = blind.data("reap", "--all-deployments", "--dry-run")["strays"]
    assert stray["deployment"] == "ert-sandbox"
    other = place.beside("elsewhere", "lost/{deployment}.json")
    listed = other.data("reap", "--dry-run")
    assert [s["instance"] for s in listed["strays"]] == [backend["instance"]]
    assert listed["strays"][0]["dph"] > 0
    assert listed["without_state"] == ["ert-sandbox"]
    assert listed["destroyed"] == []
    assert "--state-is-lost" in other.ert("reap", "--yes", code=2).stderr
    assert "--yes" in other.ert("reap", "--state-is-lost", code=2).stderr
    place.fault(provider="vast", operation="list", status=502, body="<html>bad gateway</html>", count=50)
    other.ert("reap", "--yes", code=5)
    assert place.instances() == [backend["instance"]]


@pytest.mark.nightly  # `tests/kills/test_reap_after_loss.py` does the same with the real program
def test_reap_destroys_and_sees_it_gone(place: Place) -> None:
    (backend,) = place.data("up")["backends"]
    place.ert("sleep")
    (place.folder / ".ert" / "ert-sandbox.json").unlink()
    done = place.ert("reap", "--yes", "--state-is-lost", "--json")
    assert json.loads(done.stdout)["destroyed"] == [backend["instance"]]
    assert "no state of it is known" in done.stderr
    assert place.instances() == []
    assert place.bill()["running"] == []
    assert place.data("reap", "--all-deployments")["strays"] == []


@pytest.mark.nightly  # `test_state_stores.py` moves one aside, the simulator loses states
def test_a_damaged_state_is_moved_aside_and_rebuilt_from_the_marks(place: Place) -> None:
    (backend,) = place.data("up")["backends"]
    state = place.folder / ".ert" / "ert-sandbox.json"
    damaged = state.read_bytes()[:-40]
    state.write_bytes(damaged)
    assert "state rebuild" in place.ert("up", code=2).stderr
    done = place.data("state", "rebuild")
    assert done["rebuilt"]
    assert done["instances"] == [backend["instance"]]
    assert (place.folder / done["set_aside"]).read_bytes() == damaged
    assert not place.data("state", "rebuild")["rebuilt"], "a whole state is left alone"
    again = place.data("up")
    assert [b["instance"] for b in again["backends"]] == [backend["instance"]]
    place.ert("down")
    assert place.bill()["running"] == []
