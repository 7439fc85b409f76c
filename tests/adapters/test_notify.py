"""Sending of notices by the real Apprise to webhooks on loopback: good ones, bad ones, slow ones."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from ert_deploy.adapters.notify.send import STARTUP, Receipt, send
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.notices.notice import Message, Severity
from tests.support.doubles.scripted_http import Answer, Script, Seen, scripted

pytestmark = pytest.mark.process
PASSWORD = "hook-password-5f2c9"
TEXT = Message("ert: asleep", "asleep: instance 7 was stopped", Severity.WARNING)


def hook(script: Script, path: str = "") -> Secret:
    return Secret(f"json://me:{PASSWORD}@127.0.0.1:{script.port}{path}")


def of_children() -> str:
    """Return arguments and environments of all processes that this one has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid():
                found += [(folder / name).read_bytes().decode("utf-8", "replace") for name in ("cmdline", "environ")]
        except OSError:
            continue
    return "\n".join(found)


def test_each_address_gets_the_message_and_its_own_receipt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERT_NOTIFY_URLS", PASSWORD)
    monkeypatch.setenv("VAST_API_KEY", PASSWORD)
    shown: list[str] = []

    def take(seen: Seen) -> Answer:
        shown.append(of_children())
        return Answer(200, {})

    with scripted({"*": take}) as good, scripted({"*": Answer(500, PASSWORD)}) as bad:
        away = Answer(307, {}, {"Location": f"{good.url}/stolen"})
        with scripted({"*": away}) as moved:
            found = send([hook(good, "/in"), hook(bad), hook(moved), Secret("nonsense://x")], TEXT, loopback_only=True)
    assert found == (
        Receipt(1, "JSON"),
        Receipt(2, "JSON", "HTTP 500"),
        Receipt(3, "JSON", "HTTP 307"),
        Receipt(4, "", "Apprise does not know such an address"),
    )
    (seen,) = good.seen  # nothing followed the redirect
    sent = json.loads(seen.body)
    assert (seen.path, sent["title"], sent["message"], sent["type"]) == ("/in", TEXT.title, TEXT.body, "warning")
    assert "ert_deploy.adapters.notify.child" in shown[0]
    assert PASSWORD not in shown[0]  # not in an argument, not in the environment


def test_one_that_never_ends_holds_up_nobody_and_nothing_leaves_this_machine_for_a_sandbox() -> None:
    elsewhere = [Secret("json://192.0.2.1/x"), Secret("mailto://me:secret@gmail.com")]
    with scripted({"*": Answer(200, {}, endless=0.05)}) as slow, scripted({"*": Answer(200, {})}) as good:
        started = time.monotonic()
        found = send([hook(slow), hook(good), *elsewhere], TEXT, loopback_only=True, seconds=2.0)
        assert time.monotonic() - started < 2.0 + STARTUP
    assert found[:2] == (Receipt(1, "", "no response within 2 s"), Receipt(2, "JSON"))
    assert (found[2].taken, "address" in found[2].reason) == (False, True)
    assert found[3] == Receipt(4, "E-Mail", "it is not on this machine, and the sandbox reaches no other")


def test_a_child_that_cannot_start_is_not_taken_for_a_slow_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    found = send([Secret("json://127.0.0.1:9")], TEXT, loopback_only=True, seconds=5.0)
    assert found == (Receipt(1, "", "the process that sends it failed (1)"),)
