"""Library functions on fakes: results and errors; they never print and never exit the process."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ert_deploy
from ert_deploy import (
    Busy,
    CannotObserve,
    ConfigProblems,
    Deployment,
    NeedsAttention,
    Phase,
    UsageError,
    adopt,
    destroy,
    down,
    find_strays,
    ignore,
    logs,
    offers,
    open_deployment,
    plan,
    reap,
    rotate,
    sleep,
    status,
    up,
    wake,
)
from ert_deploy.app import state
from ert_deploy.core.model import events
from ert_deploy.core.model.errors import Undecided
from tests.support.fakes import behaviours
from tests.support.fakes.deployment import Watcher, on_fakes
from tests.support.fakes.history import WANTED, is_down, is_up
from tests.support.fakes.loopback import FakeWorld, blind, offer, world
from tests.support.ids import nth

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """\
deployment: ert
launch: {image: "ghcr.io/someone/ert-llm-backend:0.1.0", model: "gpt-oss:20b"}
offer: {max_dph: 0.60}
render: {services: [{name: ert-dashboard}]}
"""


@pytest.fixture(autouse=True)
def _nothing_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[None]:
    """Check that there is no output. An exit of the process would be a SystemExit, which no test expects."""
    monkeypatch.chdir(tmp_path)
    yield
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def made() -> FakeWorld:
    return world()


@pytest.fixture
def deployment(made: FakeWorld) -> Deployment:
    return on_fakes(made)


def test_a_deployment_goes_from_nothing_to_serving_and_back(made: FakeWorld, deployment: Deployment) -> None:
    assert [type(s).__name__ for s in plan(deployment).steps][:1] == ["WriteMarkers"]
    assert made.gpu.paid() == ()
    first = up(deployment)
    is_up(made)
    (backend,), (service,) = first.backends, first.services
    assert (first.deployment, first.phase, first.changed) == ("ert", Phase.RUNNING, True)
    assert (backend.instance, backend.health, backend.asleep) == (made.gpu.only().id, "healthy", False)
    assert (service.name, service.fingerprint) == ("dash", made.web.shown("dash", WANTED.targets[0]))
    assert not up(deployment).changed
    assert plan(deployment).steps == ()
    assert sleep(deployment).backends[0].asleep
    assert status(deployment).backends[0].asleep
    assert wake(deployment).backends[0].instance == backend.instance
    assert [type(s).__name__ for s in plan(deployment, Phase.ABSENT).steps]
    assert down(deployment).phase is Phase.ABSENT
    is_down(made)
    assert status(deployment).backends == ()


def test_a_backend_says_what_it_has_cost_at_most(made: FakeWorld, deployment: Deployment) -> None:
    up(deployment)
    found = status(deployment)
    (backend,) = found.backends
    assert backend.started is not None
    assert backend.spent(backend.started + 7200.0) == round(2 * backend.dph, 4)
    assert backend.spent(found.now) > 0.0


def test_a_key_is_changed_and_named_and_never_shown(made: FakeWorld, deployment: Deployment) -> None:
    up(deployment)
    before = made.web.services["dash"].env[WANTED.targets[0].names.key]
    done = rotate(deployment)
    after = made.web.services["dash"].env[WANTED.targets[0].names.key]
    assert (done.before, done.after) == (before.sha256()[:8], after.sha256()[:8])
    assert after.reveal() not in repr(done)


def test_progress_is_told_what_happens(made: FakeWorld, deployment: Deployment) -> None:
    watcher = Watcher()
    up(deployment, progress=watcher)
    assert {events.Started, events.Rented, events.Proven} <= {type(event) for event in watcher.events}
    assert watcher.notes == []  # only the sandbox adds notes


@pytest.mark.parametrize("command", [up, wake, sleep, down, rotate])
def test_a_lock_that_somebody_holds_is_busy(
    made: FakeWorld, deployment: Deployment, command: Callable[..., Any]
) -> None:
    up(deployment)
    made.store.holder = "somebody"
    with pytest.raises(Busy):
        command(deployment)


@pytest.mark.parametrize("command", [status, plan, find_strays, logs])
def test_a_provider_that_cannot_be_read_is_no_empty_answer(
    made: FakeWorld, deployment: Deployment, command: Callable[..., Any]
) -> None:
    up(deployment)
    made.gpu.faults.queued["list"] = blind(50)
    with pytest.raises(CannotObserve):
        command(deployment)


@pytest.mark.parametrize("command", [sleep, down])
def test_what_a_person_has_to_see_to_is_raised_unless_the_outcome_is_to_say_it(
    made: FakeWorld, deployment: Deployment, command: Callable[..., Any]
) -> None:
    """A caller that does not check the result of `down` must not assume that all costs have stopped."""
    up(deployment)
    number = made.gpu.only().id
    behaviours.relabelled(made.gpu.only())
    made.store.lose()
    outcome = command(deployment, check=False)
    assert [instance for instance, _ in outcome.undecided] == [number]
    with pytest.raises(NeedsAttention, match=f"instance {number} was not changed and may bill"):
        command(deployment)
    assert made.gpu.paid() == (number,)


def test_up_stops_before_an_instance_that_nobody_has_decided_about(made: FakeWorld, deployment: Deployment) -> None:
    up(deployment)
    behaviours.relabelled(made.gpu.only())
    made.store.lose()
    with pytest.raises(Undecided) as error:
        up(deployment, check=False)
    assert [number for number, _ in error.value.found] == [made.gpu.only().id]


@pytest.mark.parametrize(("decide", "left"), [(adopt, 1), (ignore, 1), (destroy, 0)])
def test_naming_an_instance_is_consent_and_a_confirmation_can_refuse_it(
    made: FakeWorld, deployment: Deployment, decide: Callable[..., bool], left: int
) -> None:
    up(deployment)
    number = made.gpu.only().id
    behaviours.relabelled(made.gpu.only())
    made.store.lose()
    seen: list[Any] = []
    before = made.store.text
    assert decide(number, deployment, confirm=seen.append) is False
    assert [i.id for i in seen] == [number]
    assert made.store.text == before
    assert decide(number, deployment) is True
    assert status(deployment).undecided == ()
    assert len(made.gpu.paid()) == left


def test_strays_are_destroyed_only_when_it_is_said_that_the_state_is_lost(
    made: FakeWorld, deployment: Deployment
) -> None:
    up(deployment)
    number = made.gpu.only().id
    assert find_strays(deployment).instances == ()
    made.store.lose()
    assert [number for number, _ in find_strays(deployment).undecided] == [number]  # the backend responds
    made.gpu.only().boot = 1e9
    strays = find_strays(deployment)
    assert ([i.id for i in strays.instances], strays.without_state) == ([number], ("ert",))
    with pytest.raises(UsageError, match="there is no state of ert here"):
        reap(strays)
    assert made.gpu.paid() == (number,)
    assert reap(strays, state_is_lost=True) == (number,)
    assert made.gpu.paid() == ()


def test_offers_and_logs(made: FakeWorld, deployment: Deployment) -> None:
    found = offers(deployment)
    assert found.choice.ranked
    with pytest.raises(UsageError, match="ert has no instance"):
        logs(deployment)
    up(deployment)
    assert logs(deployment, tail=5).instance == made.gpu.only().id
    with pytest.raises(UsageError, match="instance 999 is not one of ert"):
        logs(deployment, instance=nth(999))


def test_a_plan_names_the_offer_only_where_one_would_be_rented(made: FakeWorld, deployment: Deployment) -> None:
    planned = plan(deployment)
    assert planned.offer is not None
    assert (planned.offer.offer.id, planned.matching, planned.hours) == ("1", 12, WANTED.plan_hours)
    assert plan(deployment, Phase.ABSENT).offer is None
    up(deployment)
    assert plan(deployment).offer is None


def test_a_plan_without_a_market_or_a_match_says_so(made: FakeWorld, deployment: Deployment) -> None:
    made.gpu.faults.queued["search"] = [CannotObserve("the key lacks misc")]
    planned = plan(deployment)
    assert (planned.offer, planned.matching, bool(planned.steps)) == (None, 0, True)
    assert [(f.hint, f.stops) for f in planned.findings if "market was not read" in f.what] == [
        ("the key lacks misc", False)
    ]
    made.gpu.offers = (offer(1, cuda=1.0),)
    planned = plan(deployment)
    assert planned.offer is None
    assert [f.stops for f in planned.findings if "no offer matches (of 1)" in f.what] == [True]


def test_a_finding_of_a_plan_says_what_the_account_adds(
    made: FakeWorld, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made.gpu, "account_variables", lambda: tuple(f"MY_{n}" for n in range(7)))
    (found,) = [f for f in plan(deployment).findings if "account" in f.what]
    assert "MY_0, MY_1, MY_2, MY_3, MY_4 and 2 more" in found.what
    assert not found.stops
    assert plan(deployment, Phase.ASLEEP).findings == ()


# Config discovery


def test_a_config_is_named_by_its_name_or_its_path(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "mine.yaml").write_text(CONFIG)
    for config in ("mine", "configs/mine.yaml", Path("configs/mine.yaml"), tmp_path / "configs" / "mine.yaml"):
        opened = open_deployment(config)
        assert (opened.name, opened.named) == ("ert", True)
    with pytest.raises(UsageError, match="there is no config"):
        open_deployment("miine")
    (tmp_path / "configs" / "mine.yaml").write_text(CONFIG + "surprise: 1\n")
    with pytest.raises(ConfigProblems) as refused:
        open_deployment("mine")
    assert [p.path for p in refused.value.problems] == ["surprise"]


def test_without_a_key_the_default_is_the_sandbox_and_with_one_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_deployment()
    assert opened.settings.sandbox is not None
    assert (opened.settings.gpu.url, opened.settings.web.url, opened.named) == ("", "", False)
    monkeypatch.setenv("VAST_API_KEY", "a-key-0123456789")
    with pytest.raises(ConfigProblems):  # the sample `ert`, without image and name
        open_deployment()


def test_a_sandbox_that_was_only_guessed_is_no_answer_and_one_that_was_named_is() -> None:
    for command in (down, sleep, wake, status, find_strays, rotate):
        with pytest.raises(UsageError, match="nothing was read"):
            command()
    assert not down("sandbox").changed
    assert status("sandbox").sandbox_stopped
    assert find_strays("sandbox").instances == ()
    assert not Path(".ert").exists()


def test_a_missing_key_is_a_usage_error_before_any_provider_is_asked(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(CONFIG)
    for command in (up, down, status, plan, offers, logs, find_strays):
        with pytest.raises(UsageError, match=r"no Vast\.ai API key: VAST_API_KEY is not set"):
            command("mine.yaml")


def test_the_state_is_read_and_locked_without_a_provider(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(CONFIG)
    assert state.show("mine.yaml").state.empty()
    held = state.lock("mine.yaml", seconds=60.0)
    shown = state.show("mine.yaml").holder
    assert shown is not None
    assert shown.run == held.holder.run
    with pytest.raises(Busy):
        state.lock("mine.yaml", seconds=60.0)
    assert state.unlock("mine.yaml", confirm=lambda _: False).ended is None
    assert state.unlock("mine.yaml", confirm=lambda _: True).ended == shown


# Public names


def test_every_public_name_is_there_and_says_its_errors() -> None:
    assert set(ert_deploy.__all__) <= set(dir(ert_deploy))
    for name in ert_deploy.__all__:
        found = getattr(ert_deploy, name)
        assert found.__doc__, name
        if inspect.isfunction(found):
            assert "aise" in found.__doc__, f"{name} does not say what it raises"
    with pytest.raises(AttributeError, match="has no attribute 'upp'"):
        _ = ert_deploy.upp


def test_the_package_imports_nothing_before_a_name_is_asked_for() -> None:
    code = (
        "import sys, ert_deploy; print([m for m in sys.modules if m.startswith('ert_deploy.')])\n"
        "from ert_deploy import up\n"
        "print([m for m in ('vastai', 'click', 'rich', 'ert_deploy.cli', 'ert_deploy.sandbox') if m in sys.modules])"
    )
    env = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]"]
