"""Client of an external server: what is wrong with one is named by its part, and the key is sent to no other server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ert_deploy.adapters.backend.external_server import ExternalServer
from ert_deploy.core.model.app.external import NO_KEY, External, Part
from ert_deploy.core.model.errors import CannotObserve, Failed, UsageError
from ert_deploy.core.model.secret import Secret
from tests.support.certificates.ip_bound import pair
from tests.support.doubles.scripted_openai import MODEL, ScriptedOpenAI, says
from tests.support.doubles.tls_front import AUTHORITY, KEY, TlsFront


class Rig:
    """A model server, TLS in front of it, and the config of an app that uses it."""

    def __init__(self, script: ScriptedOpenAI, front: TlsFront) -> None:
        self.script = script
        self.front = front
        self.config = External(front.url, MODEL, "EXTERNAL_API_KEY", Secret(KEY), AUTHORITY.pem)

    def trouble(self, *, answers: bool = True, **changes: Any) -> tuple[Part, str, str] | None:
        found = ExternalServer(replace(self.config, **changes), 5).trouble(answers=answers)
        return None if found is None else (found.part, found.what, found.hint)


@pytest.fixture
def rig() -> Iterator[Rig]:
    with ScriptedOpenAI() as script, TlsFront(script.host) as front:
        yield Rig(script, front)


def test_a_server_that_lists_the_model_and_writes_is_as_wanted(rig: Rig) -> None:
    assert rig.trouble() is None
    (asked,) = rig.script.asked
    assert asked["model"] == MODEL
    assert asked["stream"] is True
    assert set(rig.front.keys) == {f"Bearer {KEY}"}


def test_only_the_list_is_asked_for_if_nothing_is_to_be_written(rig: Rig) -> None:
    assert rig.trouble(answers=False) is None
    assert rig.script.asked == []


def test_its_own_certificate_is_as_good_as_that_of_its_ca(rig: Rig) -> None:
    own = pair(number=6)
    with TlsFront(rig.script.host, own) as front:
        assert rig.trouble(url=front.url, certificate=own.pem) is None
        found = rig.trouble(url=front.url)
    assert found is not None
    assert found[0] is Part.CERTIFICATE


def test_a_path_before_v1_is_kept(rig: Rig) -> None:
    rig.front.prefix = "/openai"
    assert rig.trouble(url=rig.front.url) is None
    assert rig.front.paths == ["/openai/v1/models", "/openai/v1/chat/completions"]


def test_a_server_without_keys_gets_the_word_that_the_app_sends(rig: Rig) -> None:
    rig.front.key = ""
    assert rig.trouble(variable="", key=NO_KEY) is None
    assert set(rig.front.keys) == {"Bearer none"}


@pytest.mark.parametrize("lists_freely", [False, True])
def test_a_wrong_key(rig: Rig, lists_freely: bool) -> None:
    rig.front.lists_freely = lists_freely
    part, what, hint = rig.trouble(key=Secret("sk-of-somebody")) or (None, "", "")
    assert part is Part.KEY
    assert "does not accept the key in EXTERNAL_API_KEY (401)" in what
    assert hint.startswith("export EXTERNAL_API_KEY=")
    assert "sk-of-somebody" not in what + hint


def test_whose_key_was_refused_is_told(rig: Rig) -> None:
    _, what, hint = rig.trouble(key=Secret("sk-old"), holder="shop") or (None, "", "")
    assert "does not accept the key that shop has (401)" in what
    assert hint == "export EXTERNAL_API_KEY=...  with a key of this server, then `ert-deploy up`"
    _, what, hint = rig.trouble(key=Secret("sk-old"), holder="shop", another=True) or (None, "", "")
    assert "EXTERNAL_API_KEY" not in what
    assert hint == "`ert-deploy up` checks the one in EXTERNAL_API_KEY and gives it to the app"


def test_no_key_where_one_is_needed(rig: Rig) -> None:
    part, what, hint = rig.trouble(variable="", key=NO_KEY) or (None, "", "")
    assert part is Part.KEY
    assert "requests without a key" in what
    assert hint == "external/key names its variable"


def test_the_key_is_proven_by_the_list_only_where_the_list_needs_it(rig: Rig) -> None:
    assert ExternalServer(rig.config, 5).keyed()
    rig.front.lists_freely = True
    assert not ExternalServer(rig.config, 5).keyed()
    assert not ExternalServer(replace(rig.config, certificate=""), 5).keyed()


def test_a_model_that_it_does_not_have_is_answered_with_the_nearest(rig: Rig) -> None:
    rig.script.models = [{"id": f"model-{n}"} for n in range(7)] + [{"id": "gpt-oss:20b-q8"}]
    part, what, hint = rig.trouble() or (None, "", "")
    assert part is Part.MODEL
    assert f"has no model {MODEL}" in what
    assert hint == "it lists gpt-oss:20b-q8, and 7 more"


def test_a_certificate_that_the_system_does_not_trust_gets_no_key(rig: Rig) -> None:
    part, what, hint = rig.trouble(certificate="") or (None, "", "")
    assert part is Part.CERTIFICATE
    assert "its certificate does not verify" in what
    assert hint.startswith("external/ca names a file")
    assert rig.front.keys == []


def test_a_certificate_for_another_name_gets_no_key(rig: Rig) -> None:
    port = rig.front.url.rpartition(":")[2]
    found = rig.trouble(url=f"https://localhost:{port}")
    assert found is not None
    assert found[0] is Part.CERTIFICATE
    assert "localhost" in found[1]
    assert found[2] == "external/url names the server as its certificate does; or the server gets one for localhost"
    assert rig.front.keys == []


@pytest.mark.parametrize("status", [301, 308])
def test_a_redirect_is_not_followed(rig: Rig, status: int) -> None:
    rig.front.status = status
    part, what, _ = rig.trouble() or (None, "", "")
    assert part is Part.API
    assert f"redirects ({status})" in what


def test_an_address_without_the_api(rig: Rig) -> None:
    part, what, hint = rig.trouble(url=f"{rig.front.url}/somewhere") or (None, "", "")
    assert part is Part.API
    assert "has no OpenAI API: 404" in what
    assert "the part before /v1" in hint


def test_an_address_where_nothing_listens(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    part, what, hint = rig.trouble(url=f"https://127.0.0.1:{port}") or (None, "", "")
    assert part is Part.ADDRESS
    assert "does not respond" in what
    assert hint == "start the server, or correct external/url"


def test_plain_http_gets_no_key(rig: Rig) -> None:
    part, what, _ = rig.trouble(url=f"https://{rig.script.host}") or (None, "", "")
    assert part is Part.API
    assert "it does not speak our TLS" in what


def test_a_list_that_is_none(rig: Rig) -> None:
    for models in ([], [{"name": "without an id"}], ["text"]):
        rig.script.models = models  # type: ignore[assignment]
        part, what, _ = rig.trouble() or (None, "", "")
        assert part is Part.API
        assert "lists no models" in what


def test_a_server_that_fails_says_why(rig: Rig) -> None:
    rig.front.status = 503
    assert rig.trouble() == (
        Part.ANSWER,
        f"{rig.front.url} returned 503: no capacity left",
        "its log, or the console of its service, tells why",
    )


def test_a_server_that_lists_the_model_and_does_not_write(rig: Rig) -> None:
    rig.script.refusal = 429, {"error": {"message": "quota exceeded"}}
    part, what, _ = rig.trouble() or (None, "", "")
    assert (part, "quota exceeded" in what) == (Part.ANSWER, True)
    rig.script.refusal = None
    rig.script.chat = lambda body: [{"error": {"message": "out of memory"}}]
    assert "out of memory" in (rig.trouble() or (None, "", ""))[1]
    rig.script.chat = lambda body: ["no JSON", {"choices": "none"}, {"choices": ["text", {"delta": {}}]}]
    assert "does not stream" in (rig.trouble() or (None, "", ""))[1]


def test_a_model_that_thinks_first_writes_too_and_one_that_ends_at_once_does_not(rig: Rig) -> None:
    rig.script.chat = lambda body: [{"choices": [{"delta": {"reasoning_content": "The user"}}]}]
    assert rig.trouble() is None
    rig.script.chat = lambda body: says()
    found = rig.trouble()
    assert found is not None
    assert (found[0], "without any text (finish_reason stop)" in found[1]) == (Part.ANSWER, True)


def test_a_question_is_answered_as_it_is_written(rig: Rig) -> None:
    server = ExternalServer(rig.config, 5)
    assert list(server.ask("What?", "Be short.")) == ["The company ", "sells products."]
    assert [m["role"] for m in rig.script.asked[0]["messages"]] == ["system", "user"]


def test_a_question_that_fails(rig: Rig) -> None:
    def fails(kind: type[Exception], words: str, **changes: Any) -> None:
        with pytest.raises(kind, match=words):
            list(ExternalServer(replace(rig.config, **changes), 5).ask("What?"))

    fails(UsageError, "does not accept the key", key=Secret("sk-other"))
    fails(UsageError, "does not verify", certificate="")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    fails(CannotObserve, "does not respond", url=f"https://127.0.0.1:{port}")
    rig.script.refusal = 500, {"error": "it broke"}
    fails(Failed, "returned 500: it broke")
    rig.script.refusal = None
    rig.script.chat = lambda body: says()
    fails(Failed, "ended without any text")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, {"message": "no such model", "code": "model_not_found"}),
        (400, {"message": "unknown", "code": "model_not_found"}),
        (404, {"message": f"model '{MODEL}' not found", "type": "not_found_error"}),
    ],
)
def test_a_question_to_a_model_that_it_does_not_have(rig: Rig, status: int, error: dict[str, str]) -> None:
    rig.script.refusal = status, {"error": error}
    with pytest.raises(UsageError, match=f"has no model {MODEL}") as caught:
        list(ExternalServer(rig.config, 5).ask("What?"))
    assert caught.value.hint.endswith(f"it said: {error['message']}"), "it is in the list all the same"
    rig.script.models = [{"id": "other"}]
    with pytest.raises(UsageError, match=f"has no model {MODEL}") as caught:
        list(ExternalServer(rig.config, 5).ask("What?"))
    assert caught.value.hint == "it lists other"
    rig.script.refusal = 404, {"error": {"message": "no such route"}}
    with pytest.raises(Failed, match="has no OpenAI API: 404"):
        list(ExternalServer(rig.config, 5).ask("What?"))


def test_a_bundle_of_the_environment_that_cannot_be_read(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
    part, what, _ = rig.trouble(certificate="") or (None, "", "")
    assert part is Part.CERTIFICATE
    assert "REQUESTS_CA_BUNDLE" in what


def test_a_bundle_of_the_environment_is_trusted(rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(AUTHORITY.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    assert rig.trouble(certificate="") is None
