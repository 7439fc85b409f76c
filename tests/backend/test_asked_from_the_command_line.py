"""`ert-deploy ask` and `connection` against the real backend: streaming, Ctrl-C, errors, the line for curl."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

import pytest

from ert_deploy.adapters.backend.chat import Chat
from ert_deploy.app.deployment import Deployment
from ert_deploy.app.running.ask import chat
from ert_deploy.app.running.connection import _names_ip, connection
from ert_deploy.cli import main
from ert_deploy.core.model.errors import CannotObserve, Failed, NeedsAttention, UsageError
from ert_deploy.core.model.observed import Address
from ert_deploy.core.model.secret import HIDDEN, Secret
from ert_deploy.core.planning.app_env import connected
from tests.support.backend.rig import KEY, Backend, wait_for
from tests.support.certificates.ip_bound import pair
from tests.support.doubles.scripted_http import Answer, scripted
from tests.support.doubles.scripted_ollama import ScriptedOllama, says
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import FakeWorld, world


def chat_with(backend: Backend, key: str = KEY, limit: float = 20.0) -> Chat:
    pem = backend.identity.certificate.read_text()
    return Chat(Address("127.0.0.1", backend.port), pem, Secret(key), "ert", "any", limit, allow_loopback=True)


@pytest.fixture
def app(backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[FakeWorld, Deployment]:
    """A deployment on fakes whose app has the variables of the real backend."""
    made = world()
    pem = backend.identity.certificate.read_text()
    made.web.services["dash"].env |= connected(WANTED.targets[0], backend.url, Secret(KEY), pem)
    place = tmp_path / "cwd"
    place.mkdir()
    monkeypatch.chdir(place)
    deployment = on_fakes(made)
    settings = replace(deployment.settings, gpu=replace(deployment.settings.gpu, url="http://127.0.0.1:9"))
    return made, replace(deployment, settings=settings)


def test_the_text_arrives_as_it_is_written(backend: Backend, ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: says("Good ", "day.", thinking="hm")
    assert list(chat_with(backend).ask("Hello", "Be brief.")) == ["Good ", "day."]
    sent = ollama.bodies("/api/chat")[-1]["messages"]
    assert [(one["role"], one["content"]) for one in sent] == [("system", "Be brief."), ("user", "Hello")]


def test_it_serves_with_its_certificate_alone(backend: Backend) -> None:
    chat = chat_with(backend)
    wait_for(chat.serves)
    assert not replace(chat, certificate=pair().pem).serves()


def test_whoever_leaves_ends_the_work_of_the_engine(backend: Backend, ollama: ScriptedOllama) -> None:
    ollama.chat_pause, ollama.chat = 0.02, lambda body: says(*["word "] * 2000)
    pieces = chat_with(backend).ask("Hello")
    assert next(pieces) == "word "
    pieces.close()
    wait_for(lambda: ollama.cut_off)


def test_each_refusal_has_its_words(backend: Backend) -> None:
    with pytest.raises(UsageError, match="does not take the app's key"):
        list(chat_with(backend, key="ert-another").ask("Hello"))
    with pytest.raises(UsageError, match="does not take the prompt: "):
        list(chat_with(backend).ask("x" * 900_000))
    elsewhere = replace(chat_with(backend), certificate=pair().pem)
    with pytest.raises(NeedsAttention, match="is not the one of the app"):
        list(elsewhere.ask("Hello"))
    with pytest.raises(NeedsAttention, match=r"127\.0\.0\.1 is not a public address"):
        list(replace(chat_with(backend), allow_loopback=False).ask("Hello"))
    with pytest.raises(CannotObserve, match="does not respond"):
        list(replace(chat_with(backend), address=Address("127.0.0.1", 1)).ask("Hello"))


@pytest.mark.parametrize(
    ("answer", "error", "part"),
    [
        (Answer(503, {"error": {"message": "busy"}}, {"Retry-After": "7"}), Failed, "returned 503: busy"),
        (Answer(500, b"<html>"), Failed, "returned 500: no reason given"),
        (Answer(200, b'data: {"error": {"message": "the engine ended"}}\n\n'), Failed, "stopped: the engine ended"),
        (Answer(200, b'data: {"choices": [{"delta": {"content": "x"}}]}\n\n'), Failed, "before it was complete"),
        (Answer(200, b"data: [1]\n\n: comment\n\ndata: {\n\ndata: [DONE]\n\n"), Failed, "without any text"),
        (
            Answer(200, b'data: {"choices": [1, {"delta": 2}, {"delta": {"content": 3}}]}\ndata: [DONE]\n'),
            Failed,
            "any text",
        ),
        (Answer(200, b"x" * 70_000 + b"\n"), NeedsAttention, "too large"),
        (Answer(200, b"data: 1\n", reset=True), CannotObserve, "does not respond"),
    ],
)
def test_a_faulty_backend_is_an_error_and_no_traceback(answer: Answer, error: type[Exception], part: str) -> None:
    own = pair()
    with scripted({"POST /v1/chat/completions": answer}, tls=own.context()) as script:
        asked = Chat(Address("127.0.0.1", script.port), own.pem, Secret(KEY), "ert", "m", 5.0, allow_loopback=True)
        with pytest.raises(error, match=part):
            list(asked.ask("Hello"))


def test_the_app_s_variables_are_all_that_is_needed(
    app: tuple[FakeWorld, Deployment], backend: Backend, ollama: ScriptedOllama
) -> None:
    made, deployment = app
    ollama.chat = lambda body: says("Yes.")
    assert list(chat(deployment).ask("Hello")) == ["Yes."]
    names, env = WANTED.targets[0].names, made.web.services["dash"].env
    for name, value, part in [
        (names.url, Secret("https://example.com"), "not one that ert-deploy has rented"),
        (names.url, Secret("http://127.0.0.1:99999"), "not one that ert-deploy has rented"),
        (names.key, HIDDEN, "does not tell what"),
    ]:
        before, env[name] = env[name], value
        with pytest.raises(UsageError, match=part):
            chat(deployment)
        env[name] = before
    del env[names.url]
    with pytest.raises(UsageError, match="uses no backend now"):
        connection(deployment)


def test_the_line_for_curl_works_as_it_is_and_holds_no_key(app: tuple[FakeWorld, Deployment], tmp_path: Path) -> None:
    _, deployment = app
    found = connection(deployment)
    assert KEY not in f"{found!r}{found.curl}"
    first, _, line = found.curl.partition(" | ")
    assert first == f"(cd {Path.cwd()} && ert-deploy connection --header)"
    assert "--connect-to" not in line
    assert shutil.which("curl"), "curl is a part of the base image"
    done = subprocess.run(
        ["sh", "-c", f"cat | {line}"],
        input=found.header(),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        cwd="/",
    )
    assert json.loads(done.stdout)["object"] == "list"
    assert found.ca_file is not None
    assert found.ca_file.is_absolute()
    assert not _names_ip(found.ca_file.read_text(), "10.1.2.3")
    assert (f"{found.base_url}/models", found.server_name) == (line.split()[-1], "")
    context = ssl.create_default_context(cafile=str(found.ca_file))
    asked = Request(f"{found.base_url}/models", headers={"Authorization": found.header().partition(": ")[2]})
    with build_opener(ProxyHandler({}), HTTPSHandler(context=context)).open(asked, timeout=30) as answer:
        assert found.model in {one["id"] for one in json.load(answer)["data"]}


def test_a_certificate_without_the_address_is_checked_by_name(
    app: tuple[FakeWorld, Deployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ert_deploy.app.running.connection._names_ip", lambda *_: False)
    found = connection(app[1])
    line = found.curl.partition(" | ")[2]
    assert "--connect-to ert.ert.internal:" in line
    assert found.server_name == "ert.ert.internal"
    done = subprocess.run(
        ["sh", "-c", f"cat | {line}"], input=found.header(), capture_output=True, text=True, timeout=30, check=True
    )
    assert json.loads(done.stdout)["object"] == "list"


def test_a_folder_that_cannot_be_written_is_an_error(app: tuple[FakeWorld, Deployment]) -> None:
    Path(".ert").write_text("a file")
    with pytest.raises(Failed, match="cannot be written"):
        connection(app[1])


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


@pytest.fixture
def at_hand(app: tuple[FakeWorld, Deployment], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command line use that deployment."""
    for module in ("ask", "connection"):
        monkeypatch.setattr(f"ert_deploy.app.running.{module}.opened", lambda _: app[1])


@pytest.mark.usefixtures("at_hand")
def test_the_key_is_written_on_request_alone(monkeypatch: pytest.MonkeyPatch, capfdbinary: Any) -> None:
    assert run("connection") == 0
    shown = b"".join(capfdbinary.readouterr())
    assert KEY.encode() not in shown
    assert run("connection", "--json") == 0
    found = json.loads(capfdbinary.readouterr().out)
    assert found["url"].startswith("https://127.0.0.1:")
    assert (found["base_url"], found["server_name"]) == (f"{found['url']}/v1", None)
    assert f"model    {found['model']}\n".encode() in shown
    assert run("connection", "--show-key") == 0
    assert capfdbinary.readouterr().out == f"{KEY}\n".encode()
    assert run("connection", "--header") == 0
    assert capfdbinary.readouterr().out == f"Authorization: Bearer {KEY}\n".encode()
    assert run("connection", "--header", "--json") == 2
    assert KEY.encode() not in b"".join(capfdbinary.readouterr())
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    assert run("connection", "--show-key") == 2
    assert run("connection", "--show-key", "--yes") == 0
    assert capfdbinary.readouterr().out == f"{KEY}\n".encode()


@pytest.mark.usefixtures("at_hand")
def test_a_question_comes_from_the_argument_or_a_pipe(
    ollama: ScriptedOllama, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ollama.chat = lambda body: says("Good ", "\x1b[31mday.")
    assert run("ask", "Hello") == 0
    assert "\x1b" not in (said := capfd.readouterr().out)
    assert said.startswith("Good ")
    reading, writing = os.pipe()
    os.write(writing, b"From a pipe")
    os.close(writing)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert run("ask", "--json") == 0
    assert json.loads(capfd.readouterr().out)["text"].startswith("Good ")
    assert ollama.bodies("/api/chat")[-1]["messages"][-1]["content"] == "From a pipe"
    assert run("ask", "  ") == 2


@pytest.mark.usefixtures("at_hand")
def test_ctrl_c_ends_the_stream_with_a_line(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def ask(_self: Chat, _question: str, _system: str) -> Iterator[str]:
        yield "Good "
        raise KeyboardInterrupt

    monkeypatch.setattr(Chat, "ask", ask)
    assert run("ask", "Hello") == 130
    said = capfd.readouterr()
    assert said.out == "Good \n"
    assert "stopped" in said.err
    assert "Rented instances remain" not in said.err
