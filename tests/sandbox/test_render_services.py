"""Services of the sandbox's Render: from git or an image, several instances, previews, secret files, domains."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.support.render.world import SLOW, World, running, until


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running() as up:
        yield up


def made(world: World, name: str, **more: Any) -> tuple[str, str]:
    """Create a service and return its id and that of its first deploy."""
    body = {"type": "web_service", "name": name, "ownerId": world.double.owner_id, **more}
    answer = world.call("POST", "/services", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["service"]["id"], answer.json()["deployId"]


def live(world: World, service: str, deploy: str) -> dict[str, Any]:
    """Wait until a deploy is live and return it."""
    until(lambda: world.get(f"/services/{service}/deploys/{deploy}")["status"] == "live")
    found: dict[str, Any] = world.get(f"/services/{service}/deploys/{deploy}")
    return found


def shown(world: World, service: str) -> dict[str, Any]:
    """Return what the app of a service says."""
    found: dict[str, Any] = requests.get(world.double.app_url(service), timeout=10).json()
    return found


def pids(world: World) -> set[int]:
    """Return the processes that serve some requests in a row; a bad gateway is none."""
    answers = [requests.get(world.app, timeout=10) for _ in range(6)]
    return {answer.json()["pid"] for answer in answers if answer.status_code == 200}


def test_a_deploy_of_an_image_carries_the_image_and_no_commit(world: World) -> None:
    service, deploy = made(world, "picture", image={"ownerId": world.double.owner_id, "imagePath": "nginx"})
    assert world.get(f"/services/{service}/deploys/{deploy}")["finishedAt"] is None
    found = live(world, service, deploy)
    assert found["commit"] is None
    assert found["image"]["ref"] == "docker.io/library/nginx:latest"
    assert len(found["image"]["sha"]) == len("sha256:") + 64
    assert "RENDER_GIT_COMMIT" not in shown(world, service)["env"]
    whole = world.get(f"/services/{service}")
    assert whole["imagePath"] == "docker.io/library/nginx:latest"
    assert not {"repo", "branch"} & set(whole)


def test_a_deploy_may_name_another_tag_of_the_image_but_no_other_image(world: World) -> None:
    service, deploy = made(world, "tagged", image={"imagePath": "ghcr.io/me/app:1"})
    live(world, service, deploy)
    path = f"/services/{service}/deploys"
    newer = world.patiently("POST", path, json={"imageUrl": "ghcr.io/me/app:2"})
    assert newer.json()["image"]["ref"] == "ghcr.io/me/app:2"
    assert world.patiently("POST", path, json={"imageUrl": "ghcr.io/other/app:2"}).status_code == 400
    assert world.patiently("POST", path, json={"commitId": "abc"}).status_code == 400
    assert world.patiently("POST", "{s}/deploys", json={"imageUrl": "nginx"}).status_code == 400


def test_services_of_one_workspace_have_their_own_addresses_and_variables(world: World) -> None:
    variables = [{"key": "FINGERPRINT", "value": "second"}]
    service, deploy = made(world, "second", repo="https://localhost/me/second", envVars=variables)
    live(world, service, deploy)
    assert shown(world, service)["env"]["RENDER_SERVICE_NAME"] == "second"
    assert shown(world, service)["env"]["FINGERPRINT"] == "second"
    assert world.fingerprint() == "one"
    world.call("DELETE", f"/services/{service}")
    assert world.call("GET", f"/services/{service}").status_code == 404


def test_a_new_service_with_an_invalid_setting_leaves_nothing_behind(world: World) -> None:
    before = {row["service"]["id"] for row in world.get("/services")}
    for wrong in (
        {"autoDeploy": "no", "autoDeployTrigger": "off"},
        {"image": {"imagePath": ""}},
        {"serviceDetails": {"runtime": "image"}},
        {"serviceDetails": {"numInstances": 0}},
        {"secretFiles": [{"name": "../x", "content": ""}]},
    ):
        body = {"type": "web_service", "name": "wrong", "ownerId": world.double.owner_id, **wrong}
        assert world.call("POST", "/services", json=body).status_code == 400
    assert {row["service"]["id"] for row in world.get("/services")} == before


def test_secret_files_are_in_the_root_of_the_app_from_the_next_deploy_on(world: World) -> None:
    files = [{"name": "secret.txt", "content": "open sesame"}]
    service, deploy = made(world, "files", secretFiles=files)
    live(world, service, deploy)
    assert shown(world, service)["files"] == {"secret.txt": "open sesame"}
    assert world.call("PUT", f"/services/{service}/secret-files/more.txt", json={"content": "2"}).status_code == 201
    world.call("POST", f"/services/{service}/restart")
    until(lambda: len(world.get(f"/services/{service}/instances")) == 1)
    assert shown(world, service)["files"] == {"secret.txt": "open sesame"}, "a restart keeps the files of its deploy"
    newer = world.patiently("POST", f"/services/{service}/deploys", json={"deployMode": "deploy_only"}).json()["id"]
    live(world, service, newer)
    assert shown(world, service)["files"] == {"secret.txt": "open sesame", "more.txt": "2"}
    disks = world.double._platform.fleet.scratch
    assert {stat.S_IMODE(place.stat().st_mode) for place in disks.glob("*/app/secret.txt")} == {0o600}


def test_two_instances_take_turns_and_one_at_a_time_is_replaced() -> None:
    with running(timeline=SLOW) as world:
        assert world.call("POST", "{s}/scale", json={"numInstances": 2}).status_code == 202
        until(lambda: len(pids(world)) == 2)
        assert world.events("instance_count_changed") == [{"fromInstances": 1, "toInstances": 2}]
        world.put("FINGERPRINT", "two")
        deploy = world.deploy(deployMode="deploy_only").json()["id"]
        seen: set[frozenset[str | None]] = set()
        while world.status(deploy) != "live":
            seen.add(frozenset(world.fingerprint() for _ in range(2)))
        assert frozenset({"one", "two"}) in seen, "old and new answer side by side while the deploy goes on"
        assert {world.fingerprint() for _ in range(4)} == {"two"}


def test_a_deploy_that_fails_at_its_second_instance_leaves_the_old_ones_in_service() -> None:
    with running(timeline=SLOW) as world:
        world.call("POST", "{s}/scale", json={"numInstances": 2})
        until(lambda: len(pids(world)) == 2)
        world.put("FINGERPRINT", "two")
        world.double.trouble({"kind": "deploy_fails", "instance": 2})
        deploy = world.deploy(deployMode="deploy_only").json()["id"]
        seen: set[str | None] = set()
        while world.status(deploy) not in ("update_failed", "live"):
            seen.add(world.fingerprint())
        assert "two" in seen, "the first new instance had traffic already"
        assert world.status(deploy) == "update_failed"
        until(lambda: len(pids(world)) == 2)
        assert {world.fingerprint() for _ in range(4)} == {"one"}


def test_a_crashed_instance_is_replaced_and_fewer_are_drained() -> None:
    with running() as world:
        world.call("POST", "{s}/scale", json={"numInstances": 3})
        until(lambda: len(pids(world)) == 3)
        before = pids(world)
        world.double.trouble({"kind": "crash"})
        until(lambda: len(pids(world) - before) == 3)
        world.call("POST", "{s}/scale", json={"numInstances": 1})
        until(lambda: len(world.get("{s}/instances")) == 1)
        assert world.call("POST", "{s}/scale", json={"numInstances": 0}).status_code == 400


def test_autoscaling_keeps_the_number_of_instances_in_its_range() -> None:
    with running() as world:
        load = {"enabled": True, "percentage": 60}
        body = {"enabled": True, "min": 2, "max": 3, "criteria": {"cpu": load, "memory": load}}
        assert world.call("PUT", "{s}/autoscaling", json=body).json() == body
        until(lambda: len(world.get("{s}/instances")) == 2)
        world.call("POST", "{s}/scale", json={"numInstances": 3})
        assert world.get("{s}")["serviceDetails"]["numInstances"] == 1, "scaling by hand is ignored meanwhile"
        assert world.call("DELETE", "{s}/autoscaling").status_code == 204
        until(lambda: len(world.get("{s}/instances")) == 1)


def test_a_disk_or_the_free_plan_allows_one_instance_only(world: World) -> None:
    disk = {"name": "data", "mountPath": "/data", "sizeGB": 1, "serviceId": world.service}
    made_disk = world.call("POST", "/disks", json=disk).json()
    assert world.get("{s}")["serviceDetails"]["disk"]["id"] == made_disk["id"]
    assert world.patiently("POST", "{s}/scale", json={"numInstances": 2}).status_code == 400
    assert world.call("PATCH", f"/disks/{made_disk['id']}", json={"sizeGB": 2}).json()["sizeGB"] == 2
    assert world.call("PATCH", f"/disks/{made_disk['id']}", json={"sizeGB": 1}).status_code == 400
    assert world.call("DELETE", f"/disks/{made_disk['id']}").status_code == 204
    assert "disk" not in world.get("{s}")["serviceDetails"]


def test_a_pull_request_gets_a_preview_with_a_copy_of_the_variables() -> None:
    with running() as world:
        with pytest.raises(ValueError, match=r"previews\.generation is off"):
            world.double.trouble({"kind": "pull_request"})
        world.call("PATCH", "{s}", json={"serviceDetails": {"previews": {"generation": "automatic"}}})
        world.double.trouble({"kind": "pull_request", "number": 7})
        (row,) = world.get("/services", name="dashboard PR #7")
        preview = row["service"]
        assert preview["serviceDetails"]["parentServer"] == {"id": world.service, "name": "dashboard"}
        assert [r["service"]["id"] for r in world.get("/services", includePreviews="false")] == [world.service]
        until(lambda: requests.get(world.double.app_url(preview["id"]), timeout=5).status_code == 200)
        copied = shown(world, preview["id"])["env"]
        assert (copied["IS_PULL_REQUEST"], copied["FINGERPRINT"]) == ("true", "one")
        assert world.seen()["env"]["IS_PULL_REQUEST"] == "false"
        world.put("FINGERPRINT", "two")
        assert world.get(f"/services/{preview['id']}/env-vars/FINGERPRINT")["value"] == "one", "copied only once"
        world.double.trouble({"kind": "pull_request", "number": 7, "on": False, "service": world.service})
        assert world.call("GET", f"/services/{preview['id']}").status_code == 404


def test_a_preview_of_an_image_runs_the_other_image(world: World) -> None:
    service, deploy = made(world, "painting", image={"imagePath": "ghcr.io/me/painting:1"})
    live(world, service, deploy)
    path = f"/services/{service}/preview"
    assert world.call("POST", path, json={"imagePath": "ghcr.io/me/other:1"}).status_code == 400
    assert world.call("POST", "{s}/preview", json={"imagePath": "nginx"}).status_code == 400
    answer = world.call("POST", path, json={"imagePath": "ghcr.io/me/painting:2"}).json()
    preview = answer["service"]
    assert live(world, preview["id"], answer["deployId"])["image"]["ref"] == "ghcr.io/me/painting:2"
    assert preview["serviceDetails"]["parentServer"]["id"] == service


def test_a_service_whose_subdomain_is_off_does_not_answer_there(world: World) -> None:
    details = {"serviceDetails": {"renderSubdomainPolicy": "disabled"}}
    assert world.patiently("PATCH", "{s}", json=details).status_code == 200
    assert world.get("{s}")["serviceDetails"]["renderSubdomainPolicy"] == "disabled"
    assert requests.get(world.app, timeout=5).status_code == 404
    world.double.trouble({"kind": "subdomain", "service": world.service})
    assert requests.get(world.app, timeout=5).status_code == 200


def test_an_apex_domain_brings_its_www_along_and_no_service_has_another_ones(world: World) -> None:
    path = "{s}/custom-domains"
    added = world.call("POST", path, json={"name": "example.com"}).json()
    assert [(d["name"], d["domainType"], d["redirectForName"]) for d in added] == [
        ("example.com", "apex", ""),
        ("www.example.com", "subdomain", "example.com"),
    ]
    assert world.call("POST", path, json={"name": "example.com"}).status_code == 409
    assert world.call("POST", path, json={"name": "not a domain"}).status_code == 400
    assert world.call("POST", f"{path}/example.com/verify").status_code == 202
    assert world.get(f"{path}/{added[0]['id']}")["verificationStatus"] == "unverified"
    for domain in added:
        assert world.call("DELETE", f"{path}/{domain['name']}").status_code == 204
    assert world.get(path) == []


def test_groups_add_their_variables_and_files_to_a_deploy_without_starting_one(world: World) -> None:
    service, deploy = made(world, "grouped", envVars=[{"key": "BOTH", "value": "own"}])
    live(world, service, deploy)
    body = {
        "name": "shared",
        "ownerId": world.double.owner_id,
        "envVars": [{"key": "BOTH", "value": "group"}, {"key": "SHARED", "value": "yes"}],
        "secretFiles": [{"name": "group.txt", "content": "g"}],
        "serviceIds": [service],
    }
    group = world.call("POST", "/env-groups", json=body).json()
    assert len(world.get(f"/services/{service}/deploys")) == 1
    newer = world.patiently("POST", f"/services/{service}/deploys", json={}).json()["id"]
    live(world, service, newer)
    seen = shown(world, service)
    assert (seen["env"]["BOTH"], seen["env"]["SHARED"], seen["files"]) == ("own", "yes", {"group.txt": "g"})
    assert world.call("DELETE", f"/env-groups/{group['id']}/services/{service}").status_code == 204
    assert world.get(f"/env-groups/{group['id']}")["serviceLinks"] == []
    assert world.call("DELETE", f"/env-groups/{group['id']}").status_code == 204


@pytest.mark.parametrize(
    ("path", "body", "scheme"),
    [
        ("/postgres", {"plan": "basic_256mb", "version": "16"}, "postgresql://"),
        ("/key-value", {"plan": "starter"}, "redis://"),
    ],
)
def test_a_datastore_is_a_record_with_a_connection_string(
    world: World, path: str, body: dict[str, str], scheme: str
) -> None:
    whole = {"name": "store", "ownerId": world.double.owner_id, **body}
    found = world.call("POST", path, json=whole).json()
    assert world.get(f"{path}/{found['id']}/connection-info")["internalConnectionString"].startswith(scheme)
    assert world.call("POST", path, json={**whole, "plan": "huge"}).status_code == 400
    assert world.call("DELETE", f"{path}/{found['id']}").status_code == 204
    assert world.call("GET", f"{path}/{found['id']}").status_code == 404
