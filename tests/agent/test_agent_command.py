"""`ert-deploy agent`: what it rejects before it serves a request, the key, and the address."""

from __future__ import annotations

import importlib.util
import re
import socket
from pathlib import Path

import pytest

from ert_deploy.agent.answer import failed
from ert_deploy.agent.serve import listener
from ert_deploy.app.deployment import open_deployment
from ert_deploy.app.waking.session import Ended, Interruptible, agent_key, hosted, why_not_publish
from ert_deploy.cli import main
from ert_deploy.core.model.errors import Busy, CannotObserve, Failed, NeedsAttention, UsageError
from tests.support.agent.served import KEY, keeper
from tests.support.agent.shared import shared
from tests.support.fakes.loopback import FakeClock, world

ROOT = Path(__file__).resolve().parents[2]
SANDBOX, ERT = str(ROOT / "configs" / "sandbox.yaml"), ROOT / "configs" / "ert.yaml"


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the error of a command that does not begin."""
    with pytest.raises(SystemExit) as ended:
        main(["agent", *words])
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_it_wants_a_key_that_cannot_be_guessed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "ERT_AGENT_KEY is not set" in refused(capsys, "-c", SANDBOX)
    monkeypatch.setenv("ERT_AGENT_KEY", "short")
    assert "ERT_AGENT_KEY is shorter than 32 characters" in refused(capsys, "-c", SANDBOX)
    monkeypatch.setenv("ERT_AGENT_KEY", KEY.reveal())
    assert agent_key() == KEY


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--listen", "8790"), "'8790' is no HOST:PORT"),
        (("--listen", "127.0.0.1:65536"), "is no HOST:PORT"),
        (("--every", "0.5"), "--every is at least 1 s"),
        (("-c", SANDBOX, "-c", SANDBOX), "two configs are of one deployment"),
    ],
)
def test_what_cannot_be_is_refused(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERT_AGENT_KEY", KEY.reveal())
    assert said in refused(capsys, *([] if "-c" in words else ["-c", SANDBOX]), *words)


def test_a_missing_key_of_the_cloud_ends_it_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ERT_AGENT_KEY", KEY.reveal())
    config = tmp_path / "mine.yaml"
    text = ERT.read_text().replace("/YOUR-NAME/", "/me/")
    config.write_text(re.sub(r"^deployment: \S+", "deployment: mine", text, flags=re.MULTILINE))
    assert "VAST_API_KEY is not set" in refused(capsys, "-c", str(config), "--listen", "127.0.0.1:0")


def test_an_address_in_use_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="cannot be listened at"):
        listener("127.0.0.1", taken.getsockname()[1])


def test_a_missing_extra_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert "the agent needs starlette" in refused(capsys, "-c", SANDBOX)


def test_without_a_key_of_the_web_host_no_variable_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    draft = open_deployment(SANDBOX)
    real = shared(world()).settings
    assert why_not_publish(draft.settings, gpu_only=False) == ""
    assert why_not_publish(draft.settings, gpu_only=True) == "it was started without Render: variables are not changed"
    assert why_not_publish(real, gpu_only=False) == (
        "no Render API key: RENDER_API_KEY is not set: variables at Render are not changed"
    )
    monkeypatch.setenv("RENDER_API_KEY", "rnd_0123456789")
    assert why_not_publish(real, gpu_only=False) == ""


def test_a_wait_ends_with_the_agent() -> None:
    one, _ = keeper(shared(world()))
    clock, ending = FakeClock(), one._ending
    made = Interruptible(clock, ending, 0.5)
    began = clock.real()
    made.sleep(60.0)
    assert clock.real() - began == pytest.approx(60.0)
    assert (made.now(), made.steady(), made.zone) == (clock.now(), clock.steady(), "UTC")
    ending.set()
    with pytest.raises(Ended):
        made.sleep(60.0)
    assert clock.real() - began == pytest.approx(60.0)


def test_its_sessions_are_those_of_the_deployment_without_the_web_host() -> None:
    one, _ = keeper(shared(world()))
    assert hosted(shared(world()), one._ending, publishes=False).session().desired.publishes is False
    assert hosted(shared(world()), one._ending, publishes=True).session().desired.publishes is True


def test_an_error_is_answered_by_what_has_to_be_done_about_it() -> None:
    assert (failed(CannotObserve("x"), 7).status, failed(CannotObserve("x"), 7).after) == (503, 7)
    assert (failed(Busy("x"), 7).status, failed(Failed("x"), 7).status) == (202, 202)
    for error in (NeedsAttention("x"), UsageError("x")):
        assert (failed(error, 7).status, failed(error, 7).reason) == (409, "needs_attention")
