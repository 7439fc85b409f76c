"""`up` on an external server: checked before anything is written; what the other commands do and refuse there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.adapters.app import probe
from ert_deploy.app import lifecycle, look, offers, rotate, ssh
from ert_deploy.app.deployment import Deployment
from ert_deploy.app.plan_file import write_plan
from ert_deploy.app.running import ask, connection, container_log, restart
from ert_deploy.app.running import logs as merged
from ert_deploy.app.running.log_lines import Source
from ert_deploy.app.status import read
from ert_deploy.cli.view.plan import plan_lines
from ert_deploy.core.model.app.external import NO_KEY, External
from ert_deploy.core.model.desired import Phase, Target
from ert_deploy.core.model.errors import CannotObserve, ErtError, Failed, NeedsAttention, UsageError
from ert_deploy.core.model.secret import HIDDEN, Secret
from ert_deploy.core.verdict.links import Level, Name, Standing
from tests.support.doubles.scripted_http import Answer, scripted
from tests.support.doubles.scripted_openai import MODEL, ScriptedOpenAI
from tests.support.doubles.tls_front import AUTHORITY, KEY, TlsFront
from tests.support.fakes.behaviours import relabelled
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import FakeWorld, world

NAMES = WANTED.targets[0].names


class Rig:
    """An app without a backend, and a server for it."""

    def __init__(self, front: TlsFront, script: ScriptedOpenAI) -> None:
        self.made: FakeWorld = world()
        self.front = front
        self.script = script
        self.server = External(front.url, MODEL, "EXTERNAL_API_KEY", Secret(KEY), AUTHORITY.pem)

    @property
    def env(self) -> dict[str, Secret]:
        return self.made.web.services["dash"].env

    def on(self, **changes: Any) -> Deployment:
        return on_fakes(self.made, replace(WANTED, external=replace(self.server, **changes)))


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Rig]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(probe, "speaks_openai", lambda url, target: None)
    with ScriptedOpenAI() as script, TlsFront(script.host) as front:
        yield Rig(front, script)


def levels(rig: Rig, **changes: Any) -> dict[Name, Level]:
    return {link.name: link.level for link in read.status(rig.on(**changes)).links}


def test_up_moves_the_app_and_says_where_it_is(rig: Rig) -> None:
    outcome = lifecycle.up(rig.on())
    assert outcome.changed
    assert outcome.external == rig.server
    assert outcome.backends == ()
    assert rig.env[NAMES.url] == Secret(rig.front.url)
    assert not lifecycle.up(rig.on()).changed
    assert len(rig.script.asked) == 2, "each run asks for a few words"


Trouble = Callable[[Rig], dict[str, Any]]


def _wrong_status(rig: Rig) -> dict[str, Any]:
    rig.front.status = 302
    return {}


def _no_capacity(rig: Rig) -> dict[str, Any]:
    rig.script.refusal = 503, {"error": {"message": "no capacity"}}
    return {}


TROUBLES: dict[str, tuple[Trouble, type[ErtError], str]] = {
    "a wrong key": (lambda rig: {"key": Secret("sk-wrong")}, UsageError, "does not accept the key"),
    "no key": (lambda rig: {"key": None}, UsageError, "EXTERNAL_API_KEY is not set"),
    "another model": (lambda rig: {"model": "gpt-oss:120b"}, UsageError, "has no model gpt-oss:120b"),
    "an unknown certificate": (lambda rig: {"certificate": ""}, UsageError, "certificate does not verify"),
    "a wrong address": (lambda rig: {"url": "https://127.0.0.1:9"}, CannotObserve, "does not respond"),
    "a redirect": (_wrong_status, UsageError, "redirects"),
    "no answer": (_no_capacity, Failed, "no capacity"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_server_that_cannot_be_used_is_refused_before_anything_is_written(rig: Rig, trouble: str) -> None:
    change, kind, words = TROUBLES[trouble]
    before = dict(rig.env)
    with pytest.raises(kind, match=words) as caught:
        lifecycle.up(rig.on(**change(rig)))
    assert caught.value.hint
    assert "\n" not in caught.value.summary
    assert rig.env == before
    assert rig.made.web.services["dash"].deploys == []
    assert rig.made.store.state.rollouts == ()


def test_plan_says_what_up_would_fail_for_and_asks_for_no_words(rig: Rig) -> None:
    found = look.plan(rig.on())
    assert found.server.startswith("https://")
    assert any(found.server in line for line in plan_lines(found))
    assert [type(step).__name__ for step in found.steps] == ["Publish", "Deploy", "Prove"]
    assert (found.findings, found.offer) == ((), None)
    (finding,) = look.plan(rig.on(model="other")).findings
    assert finding.stops
    assert "has no model other" in finding.what
    with pytest.raises(UsageError, match="EXTERNAL_API_KEY is not set"):
        look.plan(rig.on(key=None))
    assert rig.script.asked == []


def test_an_app_that_needs_the_routes_of_a_rented_backend_is_refused(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "speaks_openai", lambda url, target: False)
    before = dict(rig.env)
    with pytest.raises(UsageError, match="dash cannot use an external server: it needs the report routes") as caught:
        lifecycle.up(rig.on())
    assert "providers/gpu: vast rents one" in caught.value.hint
    assert rig.env == before
    assert any("report routes" in finding.what for finding in look.plan(rig.on()).findings)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"features": {"openai": false}}', False),
        (b'{"features": {"openai": true}}', True),
        (b'{"features": {}}', None),
        (b'{"fingerprint": null}', None),
        (b"[]", None),
        (b"<html>", None),
    ],
)
def test_what_a_health_page_says_of_openai(body: bytes, said: bool | None) -> None:
    with scripted({"GET /health": Answer(200, body)}) as app:
        assert probe.speaks_openai(app.url, Target("dash")) is said
    assert probe.speaks_openai(app.url, Target("dash")) is None, "nothing listens there any more"


def test_status_is_good_link_by_link_until_something_is_wrong(rig: Rig) -> None:
    before = read.status(rig.on())
    assert before.standing is Standing.AS_WANTED, "as before the first `up` with a rented machine"
    assert before.word == "nothing is running"
    lifecycle.up(rig.on())
    asked = len(rig.script.asked)
    found = read.status(rig.on())
    assert found.standing is Standing.AS_WANTED
    assert found.word == f"on the external server {rig.front.url}"
    assert {link.level for link in found.links} == {Level.GOOD}
    assert len(rig.script.asked) == asked, "no words are asked for"
    wrong = levels(rig, model="other")
    assert (wrong[Name.MODEL], wrong[Name.KEY], wrong[Name.APP_CONFIG]) == (Level.BAD, Level.GOOD, Level.BAD)
    refused = read.status(rig.on(key=Secret("sk-wrong")))
    assert [link.name for link in refused.links if link.level is not Level.GOOD] == [Name.KEY], "the app itself works"
    (key,) = [link for link in refused.links if link.name is Name.KEY]
    assert "as this shell has it; dash has another one, which is accepted: export" in key.why
    assert levels(rig, key=None)[Name.KEY] is Level.GOOD, "it is that of the app"
    rig.front.lists_freely = True
    assert levels(rig)[Name.KEY] is Level.UNKNOWN
    assert read.status(rig.on()).standing is Standing.AS_WANTED
    rig.front.status = 500
    gone = levels(rig)
    assert (gone[Name.ENDPOINT], gone[Name.KEY], gone[Name.MODEL]) == (Level.BAD, Level.UNKNOWN, Level.UNKNOWN)
    assert read.status(rig.on()).standing is Standing.DEGRADED


def test_status_without_the_key_here_or_at_the_app(rig: Rig) -> None:
    lifecycle.up(rig.on())
    rig.env[NAMES.key] = HIDDEN
    found = levels(rig, key=None)
    assert (found[Name.KEY], found[Name.MODEL]) == (Level.UNKNOWN, Level.UNKNOWN)
    assert levels(rig)[Name.APP_CONFIG] is Level.GOOD, "a value that is not shown is not compared"
    rig.front.lists_freely = True
    assert levels(rig, key=None)[Name.MODEL] is Level.GOOD


def test_a_server_without_keys(rig: Rig) -> None:
    rig.front.key = ""
    open_one = {"variable": "", "key": NO_KEY}
    lifecycle.up(rig.on(**open_one))
    assert rig.env[NAMES.key] == Secret("none")
    assert set(levels(rig, **open_one).values()) == {Level.GOOD}


def test_a_rented_machine_that_is_left_is_named_until_up_removes_it(rig: Rig) -> None:
    lifecycle.up(on_fakes(rig.made))
    found = read.status(rig.on())
    assert found.standing is Standing.DEGRADED
    (left,) = [link for link in found.links if link.name is Name.CONTRACT]
    assert (left.level, left.wanted, left.subject) == (Level.BAD, "gone", rig.made.gpu.only().id)
    lifecycle.up(rig.on())
    assert read.status(rig.on()).standing is Standing.AS_WANTED
    assert rig.made.gpu.paid() == ()


def test_after_down_nothing_is_asked_and_all_is_as_wanted(rig: Rig) -> None:
    lifecycle.up(rig.on())
    lifecycle.down(rig.on(key=None))
    paths = len(rig.front.paths)
    found = read.status(rig.on())
    assert found.standing is Standing.AS_WANTED
    assert {link.level for link in found.links} <= {Level.GOOD, Level.UNKNOWN}
    assert len(rig.front.paths) == paths


def test_ask_and_connection_use_the_key_of_the_app(rig: Rig) -> None:
    with pytest.raises(UsageError, match="does not use"):
        ask.chat(rig.on())
    lifecycle.up(rig.on())
    assert "".join(ask.chat(rig.on(key=None)).ask("What?")) == "The company sells products."
    found = connection.connection(rig.on(key=None))
    assert (found.url, found.key) == (rig.front.url, Secret(KEY))
    assert found.ca_file is not None
    assert found.ca_file.read_text().strip() == AUTHORITY.pem.strip()
    assert f"--cacert {found.ca_file}" in found.curl
    assert KEY not in found.curl
    rig.front.key = "sk-another-key-of-the-server"
    with pytest.raises(UsageError, match=r"does not accept the key that dash has \(401\)") as caught:
        list(ask.chat(rig.on(key=Secret(rig.front.key))).ask("What?"))
    assert caught.value.hint == "`ert-deploy up` checks the one in EXTERNAL_API_KEY and gives it to the app"
    rig.env[NAMES.key] = HIDDEN
    assert connection.connection(rig.on()).key == Secret(KEY)
    with pytest.raises(UsageError, match="does not tell"):
        connection.connection(rig.on(key=None))


def test_connection_needs_no_file_for_a_certificate_that_every_system_trusts(rig: Rig) -> None:
    lifecycle.up(rig.on())
    found = connection.connection(rig.on(certificate=""))
    assert found.ca_file is None
    assert "--cacert" not in found.curl


REFUSED: dict[str, Callable[[Deployment], object]] = {
    "wake": lifecycle.wake,
    "sleep": lifecycle.sleep,
    "sleep, planned": lambda one: look.plan(one, Phase.ASLEEP),
    "logs": container_log.logs,
    "logs, followed": lambda one: list(merged.log_lines(one)),
    "ssh": ssh.shell,
    "restart": lambda one: restart.restart(one, confirm=lambda _: True),
    "key rotate": rotate.rotate,
    "key revoke": lambda one: rotate.revoke("0123abcd", one),
    "exec": lambda one: ssh.shell(one, command="exec"),
    "offers": offers.offers,
}


@pytest.mark.parametrize("command", REFUSED)
def test_a_command_for_a_machine_is_refused_with_what_to_do_instead(rig: Rig, command: str) -> None:
    with pytest.raises(UsageError, match="is for a rented machine, and ert uses the external server https://") as error:
        REFUSED[command](rig.on())
    assert "`" in error.value.hint
    assert error.value.summary.startswith(f"`{command.partition(',')[0]}` is for")


def test_the_log_of_the_app_can_be_read(rig: Rig) -> None:
    with suppress(CannotObserve):
        list(merged.log_lines(rig.on(), merged.Wanted(frozenset({Source.APP}))))


def test_a_plan_file_holds_no_key_and_is_refused_once_the_server_is_another_one(rig: Rig, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    write_plan(file, look.plan(rig.on()))
    assert KEY not in file.read_text()
    with pytest.raises(Failed, match="the config has changed"):
        lifecycle.up(rig.on(certificate=AUTHORITY.pem + AUTHORITY.pem), plan=file)
    assert lifecycle.up(rig.on(), plan=file).changed


def test_a_machine_without_a_certain_owner_is_named_and_left(rig: Rig) -> None:
    lifecycle.up(on_fakes(rig.made))
    stray = rig.made.gpu.only()
    relabelled(stray)
    rig.made.store.lose()
    with pytest.raises(NeedsAttention, match=f"instance {stray.id} was not changed and may bill"):
        lifecycle.up(rig.on())
    assert rig.env[NAMES.url] == Secret(rig.front.url)
    assert stray.id in rig.made.gpu.paid()
    assert read.status(rig.on()).standing is Standing.UNCLEAR


def test_the_hint_to_start_a_sandbox_names_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sample = "deployment: shop\nsandbox: {speed: 20, world: .ert/none}\nproviders: {gpu: external}\n"
    sample += "external: {url: 'https://localhost:1', model: m, key: none}\nrender: {services: [{name: shop}]}\n"
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "ext.yaml").write_text(sample)
    with pytest.raises(UsageError, match="no sandbox is running") as caught:
        look.plan("ext")
    assert caught.value.hint == "`ert-deploy up -c ext` or `ert-deploy sandbox start -c ext` starts one"
