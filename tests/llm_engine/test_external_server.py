"""An app on a server that is not rented: checked, written, proven, asked; to a rented machine and back; and down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from ert_deploy.sandbox.ollama.weights import toy_model
from ert_deploy.sandbox.world import daemon
from ert_deploy.sandbox.world.world import attach
from tests.e2e.conftest import SAMPLE, Place
from tests.support.doubles.tls_front import AUTHORITY, KEY, TlsFront
from tests.support.llm_engine.servers import llama_server

pytestmark = [pytest.mark.engine, pytest.mark.timeout(280)]
APP = """
import json, os, ssl, urllib.request
from flask import Flask

app = Flask(__name__)


@app.get("/health")
def health():
    return {"fingerprint": os.environ.get("ERT_LLM_CONFIG_FINGERPRINT"), "model": os.environ.get("ERT_LLM_MODEL")}


@app.get("/ask")
def ask():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=os.environ["ERT_LLM_CA_CERT"])
    model = os.environ.get("ERT_LLM_MODEL", "toy:0.5m")
    body = {"model": model, "max_tokens": 4, "messages": [{"role": "user", "content": "hello"}]}
    headers = {"Authorization": "Bearer " + os.environ["ERT_LLM_API_KEY"], "Content-Type": "application/json"}
    url = os.environ["ERT_LLM_BACKEND_URL"] + "/v1/chat/completions"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    context.check_hostname = "ERT_LLM_MODEL" in os.environ
    with urllib.request.urlopen(request, context=context, timeout=60) as response:
        return {"text": json.load(response)["choices"][0]["message"]["content"]}
"""


@pytest.fixture
def front(tmp_path: Path) -> Iterator[TlsFront]:
    """Yield llama.cpp's own OpenAI server with a tiny model, behind TLS with a certificate of a private CA."""
    with llama_server(toy_model(tmp_path / "weights"), tmp_path) as url, TlsFront(url.removeprefix("http://")) as front:
        yield front


@pytest.fixture
def empty(tmp_path: Path, front: TlsFront) -> Iterator[Place]:
    """Yield a directory with an app, a config for it on the server, one for a rented machine, and no sandbox yet."""
    rented = SAMPLE.read_text().replace("speed: 20 ", "speed: 60 ")
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "ca.pem").write_text(AUTHORITY.pem)
    (tmp_path / "rented.yaml").write_text(rented)
    block = f"{{url: '{front.url}/v1', model: 'toy:0.5m', ca: ca.pem}}"
    head, _, rest = rented.partition("\nlaunch:\n")
    _, _, timings = rest.partition("\ntimings:\n")
    external = f"{head}\nproviders: {{gpu: external}}\nexternal: {block}\ntimings:\n{timings}"
    (tmp_path / "external.yaml").write_text(external)
    place = Place(tmp_path, None, extra={"ERT_CONFIG": "external.yaml", "EXTERNAL_API_KEY": KEY})  # type: ignore[arg-type]
    try:
        yield place
    finally:
        daemon.stop(tmp_path / ".ert" / "sandbox")


def asks(app: str) -> str:
    """Return what the model has written for the app, over TLS that the app has verified."""
    return str(requests.get(app + "/ask", timeout=60).json()["text"])


def refused(place: Place, code: int, said: str, **changes: str) -> None:
    """Run `up` with the config changed; it fails with that line and a hint, and nothing is written."""
    config = place.folder / "external.yaml"
    right, before = config.read_text(), (place.variables(), place.deploys())
    text = right
    for old, new in changes.items():
        text = text.replace(WRONG[old], new)
    assert text != right
    config.write_text(text)
    try:
        done = place.ert("up", code=code)
    finally:
        config.write_text(right)
    assert said in done.stderr
    assert "hint: " in done.stderr
    assert (place.variables(), place.deploys()) == before


WRONG = {"model": "model: 'toy:0.5m'", "ca": ", ca: ca.pem", "url": "/v1',", "port": "https://127.0.0.1:"}


def test_an_app_moves_to_the_server_to_a_rented_machine_and_back(empty: Place, front: TlsFront) -> None:
    app = empty.data("sandbox", "start", "--app", ".", "--toy")["app_url"]
    empty.world = attach(empty.folder / ".ert" / "sandbox")
    refused(empty, 2, "has no model gpt-oss:20b", model="model: gpt-oss:20b")
    refused(empty, 2, "its certificate does not verify", ca="")
    refused(empty, 2, "has no OpenAI API: 404", url="/somewhere',")
    refused(empty, 5, "does not respond", port="https://127.0.0.1:1/")
    empty.extra["EXTERNAL_API_KEY"] = "sk-of-somebody-else"
    refused(empty, 2, "does not accept the key in EXTERNAL_API_KEY (401)", url="/v1/',")
    empty.extra["EXTERNAL_API_KEY"] = KEY
    front.status = 307
    refused(empty, 2, "redirects (307)", url="/v1/',")
    front.status = 0

    up = empty.data("up", timeout=250)
    assert up["external"] == {"url": front.url, "model": "toy:0.5m"}
    assert up["backends"] == []
    assert requests.get(app + "/health", timeout=10).json()["model"] == "toy:0.5m"
    front.paths.clear()
    assert asks(app)
    assert front.paths == ["/v1/chat/completions"]
    assert "as wanted" in empty.ert("status").stdout
    assert empty.ert("ask", "hello").stdout.strip()
    assert f"URL      {front.url}/v1" in empty.ert("connection").stdout
    assert "nothing to do" in empty.ert("plan").stdout

    (rented,) = json.loads(empty.ert("up", "-c", "rented.yaml", "--json", timeout=250).stdout)["backends"]
    assert asks(app)
    assert requests.get(app + "/health", timeout=10).json()["model"] is None
    assert "is not the one in use and it bills" in " ".join(empty.ert("status", code=6).stdout.split())
    number = rented["instance"]
    planned = empty.ert("plan").stdout
    assert f"  - remove instance {number}: the apps use an external server" in planned
    assert "the best of" not in planned, "there is no offer, and no price"
    done = empty.ert("up", timeout=250).stderr
    assert done.index("runs the new configuration") < done.index(f"destroying instance {number}")
    assert empty.instances() == []
    front.paths.clear()
    assert asks(app)
    assert front.paths == ["/v1/chat/completions"]

    assert empty.ert("sleep", code=2).stderr.startswith("error: `sleep` is for a rented machine")
    empty.ert("down")
    assert "ERT_LLM_BACKEND_URL" not in empty.variables()
    assert "as wanted" in empty.ert("status").stdout
    assert empty.data("sandbox", "stop")["running"] == []
