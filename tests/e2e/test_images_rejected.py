"""An image that cannot serve costs nothing, or one machine: its registry is read first, and then what it left."""

from __future__ import annotations

import pytest

from ert_deploy.sandbox.registry.server import Registry
from tests.e2e.conftest import SAMPLE, Place

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
IMAGE = "sandbox/ert-llm-backend:0.1.0"


def use(place: Place, image: str) -> None:
    text = SAMPLE.read_text()
    assert text.count(IMAGE) == 1
    (place.folder / "mine.yaml").write_text(text.replace(IMAGE, image))
    place.extra["ERT_CONFIG"] = "mine.yaml"


def test_another_product_is_not_rented_for_and_a_silent_exit_costs_one_machine(place: Place) -> None:
    with Registry() as registry:
        use(place, f"{registry.address}/ollama:1")
        registry.publish("ollama", "1", container={"Entrypoint": ["/bin/ollama"], "Cmd": ["serve"]})
        said = place.ert("up", code=2).stderr
        assert "is not the backend: its container runs `/bin/ollama serve`" in said
        assert "launch/image" in said
        assert "is not the backend" in place.ert("doctor", code=6).stdout
        assert place.instances() == []

        (digest,) = registry.blobs
        del registry.blobs[digest]
        place.trouble(provider="vast", kind="row", set={"actual_status": "exited", "status_msg": ""})
        place.trouble(provider="vast", kind="unreachable")
        said = place.ert("up", code=1, timeout=250).stderr
        assert "does not start: its container exits by itself" in said
        assert "`ert-deploy up` tries another one" in said
    assert len(place.bill()["rows"]) == 1
    (denied,) = place.data("state", "show")["state"]["denied"]
    assert denied["machine_id"]
