"""Notices of commands on fakes, sent by the real Apprise to a webhook on loopback; and commands that it cannot harm."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ert_deploy import Deployment, find_strays, rotate, sleep, status, up, wake
from ert_deploy.adapters.notify.send import Receipt
from ert_deploy.app.notify import announce as module
from ert_deploy.app.notify.announce import announce
from ert_deploy.app.notify.trial import notify_test
from ert_deploy.config.settings import Notify
from ert_deploy.core.model.errors import ErtError, OverBudget, UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.notices.notice import Findings, Kind, Message, Notice
from ert_deploy.core.redaction import clean
from tests.support.doubles.scripted_http import Answer, Script, scripted
from tests.support.fakes.deployment import Watcher, on_fakes
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import FakeWorld, world

pytestmark = pytest.mark.process
VARIABLE, PASSWORD = "ERT_NOTIFY_URLS", "hook-password-81c7"
ORPHAN = Findings((Notice(Kind.ORPHAN, "instance 9 may bill", "9"),), ("orphan/",))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "_failed", {})


@pytest.fixture
def made() -> FakeWorld:
    return world()


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    """Run a webhook and name it in the variable; messages to it go through the real Apprise."""
    with scripted({"*": Answer(200, {})}) as script:
        monkeypatch.setenv(VARIABLE, f"json://me:{PASSWORD}@127.0.0.1:{script.port}/in")
        yield script


def arrived(hook: Script) -> list[str]:
    """Return the lines of all messages, and forget them."""
    lines = [line for seen in hook.seen for line in json.loads(seen.body)["message"].splitlines()]
    hook.seen.clear()
    return lines


class Outbox:
    """Sender without a process: keeps the lines. `reason` is why nothing is taken; it waits while `held`."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.reason = ""
        self.error: Exception | None = None
        self.free = threading.Event()
        self.free.set()

    def send(self, addresses: Sequence[Secret], message: Message, *, loopback_only: bool) -> tuple[Receipt, ...]:
        self.free.wait(10.0)
        if self.error is not None:
            raise self.error
        self.lines += message.body.splitlines()
        return tuple(Receipt(at, "JSON", self.reason) for at in range(1, len(addresses) + 1))

    def taken(self) -> list[str]:
        """Return the lines, and forget them."""
        lines, self.lines = self.lines, []
        return lines


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch) -> Outbox:
    found = Outbox()
    monkeypatch.setenv(VARIABLE, f"json://me:{PASSWORD}@127.0.0.1:9/in")
    monkeypatch.setattr("ert_deploy.adapters.notify.send.send", found.send)
    return found


def test_a_life_cycle_is_told_and_a_condition_once(made: FakeWorld, outbox: Outbox) -> None:
    model = replace(WANTED.launch, model="m")  # what the fake backend loads
    deployment, watcher = on_fakes(made, replace(WANTED, launch=model)), Watcher()
    up(deployment, progress=watcher)
    number = made.gpu.only().id
    assert outbox.taken() == [f"awake: instance {number} serves: it was rented"]
    status(deployment)
    assert outbox.taken() == []
    sleep(deployment)
    assert outbox.taken() == [f"asleep: instance {number} was stopped; its disk is kept"]
    status(deployment)
    assert outbox.taken() == []  # it was said when it was stopped
    wake(deployment)
    assert outbox.taken() == [f"awake: instance {number} serves: it was started again"]
    done = rotate(deployment)
    assert outbox.taken() == [f"key rotated: the apps use key {done.after} in place of {done.before}"]
    assert watcher.notes == []
    assert PASSWORD not in "".join(p.read_text() for p in Path(".ert").iterdir() if p.is_file())


def test_an_orphan_is_told_until_it_is_gone(made: FakeWorld, outbox: Outbox) -> None:
    deployment = on_fakes(made)
    up(deployment)
    number = made.gpu.only().id
    outbox.taken()
    made.store.lose()
    find_strays(deployment)
    find_strays(deployment)
    (line,) = outbox.taken()
    assert line.startswith(f"machine without an owner: instance {number} may bill: ")
    up(deployment)
    assert find_strays(deployment).instances == ()
    announce(deployment, replace(ORPHAN, notices=())).wait()
    made.store.lose()
    find_strays(deployment)
    assert len(outbox.taken()) == 1


def test_a_run_beyond_the_budget_is_told_and_fails_as_without_notices(made: FakeWorld, outbox: Outbox) -> None:
    deployment = on_fakes(made, replace(WANTED, max_cost=0.0001))
    for _ in range(2):
        with pytest.raises(OverBudget):
            up(deployment)
    (line,) = outbox.taken()
    assert "plan/max_cost is $0.0001" in line


def test_nothing_at_all_is_done_without_the_variable(made: FakeWorld) -> None:
    deployment = on_fakes(made)
    up(deployment)
    sleep(deployment)
    delivery = announce(deployment, ORPHAN)
    assert (delivery.thread, delivery.trouble) == (None, [])
    assert list(Path().iterdir()) == []


def test_a_receiver_that_fails_fails_no_command_and_is_tried_again(
    made: FakeWorld, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment, watcher, outbox.reason = on_fakes(made), Watcher(), "HTTP 503"
    announce(deployment, ORPHAN).wait(watcher)
    assert watcher.notes == ["a notice was not sent to address 1 (JSON): HTTP 503"]
    announce(deployment, ORPHAN).wait(watcher)
    assert len(outbox.taken()) == 1  # not again at once
    outbox.reason = ""
    monkeypatch.setattr(module, "PAUSE", 0.0)
    announce(deployment, ORPHAN).wait(watcher)
    announce(deployment, ORPHAN).wait(watcher)
    assert len(outbox.taken()) == 1
    assert len(watcher.notes) == 1
    assert clean(f"me:{PASSWORD}@127.0.0.1:9/in") == "***"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (f"json://127.0.0.1:9/{PASSWORD} {PASSWORD}", f"address 2 in {VARIABLE} is not one of Apprise"),
        (" ".join(["json://127.0.0.1:9"] * 17), "has 17 addresses"),
    ],
)
def test_a_variable_that_holds_something_else_is_named_and_not_shown(
    made: FakeWorld, monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    deployment, watcher = on_fakes(made), Watcher()
    monkeypatch.setenv(VARIABLE, value)
    announce(deployment, ORPHAN).wait(watcher)
    assert said in watcher.notes[0]
    assert PASSWORD not in watcher.notes[0]
    with pytest.raises(UsageError, match=VARIABLE):
        notify_test(deployment)


def test_without_a_memory_only_what_has_just_happened_is_sent(made: FakeWorld, outbox: Outbox) -> None:
    deployment, watcher = on_fakes(made), Watcher()
    Path(".ert").mkdir()
    Path(".ert/ert.json.notices").mkdir()
    happened = Notice(Kind.SLEEP, "instance 7 was stopped", "7", event=True)
    announce(deployment, Findings((happened, *ORPHAN.notices))).wait(watcher)
    assert outbox.taken() == ["asleep: instance 7 was stopped"]
    assert "cannot be remembered" in watcher.notes[0]


@pytest.mark.parametrize("error", [UsageError("the store is away"), RuntimeError(PASSWORD)])
def test_an_error_while_sending_is_a_line_and_no_more(made: FakeWorld, outbox: Outbox, error: Exception) -> None:
    watcher, outbox.error = Watcher(), error
    announce(on_fakes(made), ORPHAN).wait(watcher)
    (line,) = watcher.notes
    assert line.startswith("no notice was sent: ")
    assert PASSWORD not in line
    assert ("the store is away" in line) is isinstance(error, ErtError)


def test_a_command_does_not_wait_for_ever(made: FakeWorld, outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = Watcher()
    outbox.free.clear()
    monkeypatch.setattr(module, "LONGEST_WAIT", 0.05)
    delivery = announce(on_fakes(made), ORPHAN)
    delivery.wait(watcher)
    assert watcher.notes == ["notices are still being sent: not waiting any longer"]
    outbox.free.set()
    assert delivery.thread is not None
    delivery.thread.join()
    assert delivery.sent == ORPHAN.notices


def test_muted_kinds_are_not_sent(made: FakeWorld, outbox: Outbox) -> None:
    found = on_fakes(made)
    muted = Deployment(replace(found.settings, notify=Notify(mute=("orphan",))), connector=found.connector)
    announce(muted, ORPHAN).wait()
    assert outbox.taken() == []


def test_the_test_message_reaches_every_address(made: FakeWorld, hook: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    good = f"json://127.0.0.1:{hook.port}/in"
    monkeypatch.setenv(VARIABLE, f"{good} nonsense://{PASSWORD}")
    first, second = notify_test(on_fakes(made))
    assert (first.address, first.service, first.reason) == (1, "JSON", "")
    assert (second.address, second.reason) == (2, "Apprise does not know such an address")
    assert arrived(hook) == ["`ert-deploy notify test`: notices of ert arrive here"]


def test_the_test_needs_the_variable(made: FakeWorld) -> None:
    with pytest.raises(UsageError, match=f"{VARIABLE} is not set"):
        notify_test(on_fakes(made))
