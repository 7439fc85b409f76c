"""`doctor` on an external server over TLS: each fault by its own line, and what `--fix` writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.adapters.app import probe
from ert_deploy.app import lifecycle
from ert_deploy.app.doctor import examine
from ert_deploy.core.model.errors import NeedsAttention, UsageError
from ert_deploy.core.model.secret import HIDDEN, Secret
from tests.app.test_external_server import NAMES, Rig
from tests.support.doubles.scripted_openai import ScriptedOpenAI, says
from tests.support.doubles.tls_front import TlsFront
from tests.support.fakes.deployment import on_fakes


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Rig]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(probe, "speaks_openai", lambda url, target: None)
    with ScriptedOpenAI() as script, TlsFront(script.host) as front:
        made = Rig(front, script)
        lifecycle.up(made.on())
        yield made


def codes(rig: Rig, **changes: Any) -> list[str]:
    return [cause.code for cause in examine.doctor(rig.on(**changes)).causes]


def _redirects(rig: Rig) -> dict[str, Any]:
    rig.front.status = 302
    return {}


def _full(rig: Rig) -> dict[str, Any]:
    rig.script.refusal = 503, {"error": {"message": "no capacity"}}
    return {}


def _silent(rig: Rig) -> dict[str, Any]:
    rig.script.chat = lambda _: says()
    return {}


TROUBLES: dict[str, tuple[Callable[[Rig], dict[str, Any]], str]] = {
    "unreachable": (lambda rig: {"url": "https://127.0.0.1:9"}, "server-unreachable"),
    "another certificate": (lambda rig: {"certificate": ""}, "server-certificate"),
    "no API": (_redirects, "server-api"),
    "a key that is refused": (lambda rig: {"key": Secret("sk-wrong")}, "server-key"),
    "a model that is not offered": (lambda rig: {"model": "gpt-oss:120b"}, "server-model"),
    "no capacity": (_full, "server-answer"),
    "no tokens": (_silent, "server-answer"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_fault_of_the_server_is_the_first_line(rig: Rig, trouble: str) -> None:
    change, code = TROUBLES[trouble]
    found = examine.doctor(rig.on(**change(rig)))
    assert [cause.code for cause in found.causes] == [code]
    assert found.exit_code == 6
    assert "`ert-deploy" in found.causes[0].fix


def test_nothing_is_wrong_with_a_server_that_writes(rig: Rig) -> None:
    asked = len(rig.script.asked)
    found = examine.doctor(rig.on())
    assert (found.causes, found.exit_code) == ((), 0)
    assert len(rig.script.asked) == asked + 1, "a few words are asked for"


def test_a_key_that_is_not_set_here_is_told_since_up_needs_it(rig: Rig) -> None:
    found = examine.doctor(rig.on(key=None))
    (cause,) = found.causes
    assert (cause.code, found.exit_code) == ("server-key", 6)
    assert cause.seen == "EXTERNAL_API_KEY is not set here; these checks used the key that dash has"
    assert cause.why == "`up` stops here before it writes anything"
    assert cause.fix == "`export EXTERNAL_API_KEY=...`, then `ert-deploy doctor`"


def test_a_wrong_key_in_this_shell_alone_is_told_as_such(rig: Rig) -> None:
    found = examine.doctor(rig.on(key=Secret("sk-wrong")))
    (cause,) = found.causes
    assert cause.code == "server-key"
    assert "does not accept the key in EXTERNAL_API_KEY (401), as this shell has it" in cause.seen
    assert cause.seen.endswith("; dash has another one, which is accepted")
    assert cause.why == "`up` stops here before it writes anything"
    found = examine.doctor(rig.on(key=Secret("sk-wrong"), model="other"))
    assert [cause.code for cause in found.causes] == ["server-model", "server-key"]


def test_a_key_that_was_changed_at_the_server_is_the_one_that_is_told(rig: Rig) -> None:
    rig.front.key = "sk-another-key-of-the-server"
    (cause,) = examine.doctor(rig.on(key=Secret("sk-wrong"))).causes
    assert "does not accept the key in EXTERNAL_API_KEY (401)" in cause.seen
    assert "accepted" not in cause.seen
    (cause,) = examine.doctor(rig.on(key=None)).causes
    assert "does not accept the key that dash has (401)" in cause.seen
    assert cause.fix == "export EXTERNAL_API_KEY=...  with a key of this server, then `ert-deploy up`"
    (cause,) = examine.doctor(rig.on(key=Secret(rig.front.key))).causes
    assert (cause.code, cause.fix) == ("app-config", "`ert-deploy up` writes them and deploys")


def test_a_key_that_the_web_host_hides_has_to_be_set_here(rig: Rig) -> None:
    rig.env[NAMES.key] = HIDDEN
    asked = len(rig.script.asked)
    assert codes(rig, key=None) == ["server-key"]
    rig.front.lists_freely = True
    assert codes(rig, key=None) == ["server-key"]
    assert len(rig.script.asked) == asked, "without the key no words can be asked for"


def test_before_the_first_up_and_after_down_the_server_is_checked_all_the_same(rig: Rig) -> None:
    lifecycle.down(rig.on())
    assert codes(rig) == []
    found = examine.doctor(rig.on(model="other"))
    assert [cause.code for cause in found.causes] == ["server-model"]


def test_an_app_that_cannot_use_it_is_a_cause(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "speaks_openai", lambda url, target: False)
    (cause,) = examine.doctor(rig.on()).causes
    assert (cause.code, "report routes" in cause.seen) == ("app", True)


def test_a_machine_that_is_left_is_named_by_its_contract(rig: Rig) -> None:
    lifecycle.up(on_fakes(rig.made))
    found = examine.doctor(rig.on())
    assert [cause.code for cause in found.causes] == ["contract", "app-config"]
    assert "cannot use" not in found.causes[1].why, "it uses the machine"
    left = rig.made.gpu.only().id
    assert found.refused == (
        f"`up` would do more than write variables: destroy instance {left} (the apps use an external server)"
    )
    assert found.fixable == ()
    with pytest.raises(NeedsAttention, match=f"destroy instance {left} "):
        examine.fix(rig.on())


def test_fix_writes_the_variables_and_is_refused_where_the_server_cannot_be_used(rig: Rig) -> None:
    rig.env[NAMES.url] = Secret("https://203.0.113.9:1")
    refused = examine.doctor(rig.on(model="other")).refused
    assert refused.startswith("`up` stops at it: ")
    assert "has no model other" in refused
    assert [cause.code for cause in examine.doctor(rig.on()).fixable] == ["app-config"]
    with pytest.raises(UsageError, match="has no model other"):
        examine.fix(rig.on(model="other"))
    assert rig.env[NAMES.url] == Secret("https://203.0.113.9:1")
    assert [cause.code for cause in examine.fix(rig.on())] == ["app-config"]
    assert rig.env[NAMES.url] == Secret(rig.front.url)
    assert codes(rig) == []


def test_a_server_is_never_given_a_key_over_a_line_that_is_not_verified(rig: Rig) -> None:
    before = list(rig.front.keys)
    codes(rig, certificate="")
    assert rig.front.keys == before
