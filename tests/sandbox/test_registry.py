"""The registry double, and private images on the sandbox's Vast: hosts pull as registries let them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ert_deploy.sandbox.registry.server import Registry, digest_of
from ert_deploy.sandbox.vast.images.pull import read_image, refusal
from tests.support.vast.world import Renter, renting, until

LOGIN = "me:registry-secret"
KIND = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture(params=["token", "basic"])
def registry(request: pytest.FixtureRequest) -> Iterator[Registry]:
    with Registry(login=LOGIN, challenge=request.param, public=frozenset({"open/app"})) as up:
        up.publish("me/app", "1")
        up.publish("open/app", "1")
        yield up


@pytest.fixture
def renter() -> Iterator[Renter]:
    with renting() as up:
        yield up


def own(registry: Registry) -> str:
    return f"-u me -p registry-secret {registry.address}"


def test_a_push_arrives_whole_and_a_wrong_digest_does_not() -> None:
    with Registry() as registry:
        base = f"http://{registry.address}/v2/me/app"
        layer, config = b"l" * 300_000, b"{}"
        for content in (layer, config):
            where = requests.post(f"{base}/blobs/uploads/", timeout=5).headers["Location"]
            parts = iter([content[:1000], content[1000:]])
            patched = requests.patch(f"http://{registry.address}{where}", data=parts, timeout=5)  # chunked
            assert patched.headers["Range"] == f"0-{len(content) - 1}"
            done = requests.put(f"http://{registry.address}{where}?digest={digest_of(content)}", timeout=5)
            assert (done.status_code, done.headers["Docker-Content-Digest"]) == (201, digest_of(content))
        manifest: dict[str, Any] = {"config": {"digest": digest_of(config)}, "layers": [{"digest": digest_of(layer)}]}
        text = json.dumps(manifest)
        made = requests.put(f"{base}/manifests/1", data=text, headers={"Content-Type": KIND}, timeout=5)
        assert made.status_code == 201
        for reference in ("1", digest_of(text.encode())):
            found = requests.get(f"{base}/manifests/{reference}", timeout=5)
            assert (found.text, found.headers["Content-Type"]) == (text, KIND)
        assert requests.get(f"{base}/blobs/{digest_of(layer)}", timeout=5).content == layer
        head = requests.head(f"{base}/blobs/{digest_of(layer)}", timeout=5)
        assert (head.status_code, head.headers["Content-Length"], head.content) == (200, "300000", b"")
        where = requests.post(f"{base}/blobs/uploads/", timeout=5).headers["Location"]
        wrong = requests.put(f"http://{registry.address}{where}?digest={digest_of(b'x')}", data=b"y", timeout=5)
        assert wrong.json()["errors"][0]["code"] == "DIGEST_INVALID"
        manifest["layers"].append({"digest": digest_of(b"z")})
        lacking = requests.put(f"{base}/manifests/2", json=manifest, timeout=5)
        assert lacking.json()["errors"][0]["code"] == "MANIFEST_BLOB_UNKNOWN"


def test_the_token_flow_is_that_of_public_registries() -> None:
    with Registry(login=LOGIN, challenge="token") as registry:
        refused = requests.get(f"http://{registry.address}/v2/me/app/manifests/1", timeout=5)
        challenge = refused.headers["WWW-Authenticate"]
        assert refused.status_code == 401
        assert challenge.startswith(f'Bearer realm="http://{registry.address}/token"')
        assert 'scope="repository:me/app:pull"' in challenge
        token = requests.get(f"http://{registry.address}/token", auth=("me", "registry-secret"), timeout=5).json()[
            "token"
        ]
        headers = {"Authorization": f"Bearer {token}"}
        assert requests.get(f"http://{registry.address}/v2/", headers=headers, timeout=5).status_code == 200
        assert requests.get(f"http://{registry.address}/token", auth=("me", "wrong"), timeout=5).status_code == 401


def test_pulls_with_and_without_a_login(registry: Registry) -> None:
    private, public = f"{registry.address}/me/app:1", f"{registry.address}/open/app:1"
    assert refusal(private, own(registry)) is None
    assert refusal(public, None) is None
    denied = {"token": "pull access denied", "basic": "no basic auth credentials"}[registry.challenge]
    assert denied in (refusal(private, None) or "")
    assert denied in (refusal(private, "-u me -p registry-secret ghcr.io") or "")
    wrong = refusal(private, f"-u me -p wrong {registry.address}") or ""
    assert "unauthorized" in wrong or "pull access denied" in wrong
    assert "manifest unknown" in (refusal(f"{registry.address}/me/app:2", own(registry)) or "")
    assert "failed to resolve reference" in (refusal("127.0.0.1:9/me/app:1", None) or "")


def test_only_images_of_registries_on_loopback_are_asked_for() -> None:
    assert read_image("ghcr.io/me/app:1") is None
    assert read_image("ghcr.io:443/me/app:1") is None
    assert read_image("me/app") is None
    assert read_image("127.0.0.1:5000/me/app") == ("127.0.0.1:5000", "me/app", "latest")
    pinned = f"127.0.0.1:5000/me/app@sha256:{'0' * 64}"
    assert read_image(pinned) == ("127.0.0.1:5000", "me/app", f"sha256:{'0' * 64}")


def test_an_instance_of_a_private_image_runs_with_the_login_and_says_why_it_does_not_without(
    registry: Registry, renter: Renter
) -> None:
    image = f"{registry.address}/me/app:1"
    id = renter.rent(image=image, image_login=own(registry))
    renter.until(id, "running")
    refused = renter.rent(image=image)
    until(lambda: renter.row(refused)["cur_state"] == "stopped")
    row = renter.row(refused)
    assert row["status_msg"].startswith("Error response from daemon: ")
    assert (row["actual_status"], row["cur_state"], row["intended_status"]) == ("loading", "stopped", "stopped")
    bill = {one.instance_id: one for one in renter.double.bill().rows}
    assert (bill[refused].download_gb, bill[refused].gpu_seconds) == (0.0, 0.0)
    assert "registry-secret" not in json.dumps(renter.double.instances())
