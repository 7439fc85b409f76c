"""`status` on real processes: what is wrong is named, and the exit code follows; what is as wanted is 0.

One machine, rented by a bid, to which everything happens.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from ert_deploy import Status, status
from ert_deploy.core.verdict.links import Level, Link, Name
from ert_deploy.sandbox.runtime.clock import WorldClock
from tests.e2e.conftest import SAMPLE, Place

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
PATIENCE = 60.0  # real seconds
KEY = "ERT_LLM_API_KEY"


@pytest.fixture
def inside(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Change into the folder of the sandbox, so that `status` can be called as a function: it looks many times."""
    monkeypatch.chdir(place.folder)
    monkeypatch.delenv("VAST_API_KEY", raising=False)
    return place


def looked(config: str, until: Callable[[Status], object]) -> Status:
    """Look until the status is as expected; fail with the links of the last look."""
    clock, end = WorldClock(), time.monotonic() + PATIENCE
    while not until(found := status(config)):
        assert time.monotonic() < end, "\n".join(map(str, found.links))
        clock.sleep(1.0)
    return found


def worst(found: Status, name: Name) -> Link:
    """Return the link with that name, the first that is not good."""
    links = [link for link in found.links if link.name is name]
    return next((link for link in links if link.level is not Level.GOOD), links[0])


def troubled(found: Status) -> set[tuple[Name, Level]]:
    """Return every link that keeps it from being as wanted."""
    return {(link.name, link.level) for link in found.links if link.degrades}


def engine_of(folder: Path) -> tuple[int, int]:
    """Return the process of the machine's engine and that of its guard, by the parents of the processes in `folder`."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            env = (entry / "environ").read_bytes()
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"ert_deploy.sandbox.ollama" in words and bytes(folder) in env:
            return int(entry.name), parent
    raise AssertionError("no engine runs")


@contextmanager
def without_engine(folder: Path) -> Iterator[None]:
    """Kill the engine, and keep the guard from starting it again."""
    engine, guard = engine_of(folder)
    os.kill(guard, signal.SIGSTOP)
    try:
        os.kill(engine, signal.SIGKILL)
        yield
    finally:
        os.kill(guard, signal.SIGCONT)


def deploy(place: Place) -> None:
    """Deploy the app with its current variables, as anybody may at the web host."""
    url = f"{place.world.render_url}/services/{place.world.service_id}/deploys"
    key = {"Authorization": f"Bearer {place.world.render_key}"}
    requests.post(url, json={"deployMode": "deploy_only"}, headers=key, timeout=10).raise_for_status()


def bids(place: Place) -> str:
    """Write a config that rents by a bid; return its name."""
    text = SAMPLE.read_text()
    assert "\nlaunch:\n" in text
    changed = text.replace("\nlaunch:\n", "\nlaunch:\n  market: interruptible\n  bid: auto\n")
    (place.folder / "bids.yaml").write_text(changed)
    return "bids.yaml"


@pytest.mark.nightly  # `doctor_bench/test_share.py` has some of these worlds
def test_what_goes_wrong_is_named_and_what_is_as_wanted_is_0(inside: Place) -> None:
    place, name = inside, bids(inside)
    assert "nothing is running; as wanted" in place.ert("status", "-c", name).stdout
    (backend,) = place.data("up", "-c", name)["backends"]
    place.data("report", "AAPL", "-c", name)
    watching = place.start("status", "-c", name, "--watch")
    assert watching.stdout is not None
    assert "running; as wanted" in watching.stdout.readline()
    found = status(name)
    assert (troubled(found), worst(found, Name.REPORT).level) == (set(), Level.GOOD)
    assert found.money is not None
    assert found.money.idle_left is not None

    key = place.variables()[KEY]
    place.trouble(provider="render", kind="foreign_env", set={KEY: "ert-" + "x" * 32})
    assert "does not accept the key" in worst(status(name), Name.APP_CONFIG).why
    assert "bad      app config" in place.ert("status", "-c", name, code=6).stdout
    deploy(place)
    looked(name, lambda seen: worst(seen, Name.APP).level is Level.BAD)
    place.trouble(provider="render", kind="foreign_env", set={KEY: key})
    process = {(Name.APP, Level.BAD), (Name.PROCESS, Level.BAD)}
    assert troubled(status(name)) == process, "the process runs as before the variables"
    deploy(place)
    looked(name, lambda seen: not troubled(seen))

    with without_engine(place.folder):
        hung = looked(name, lambda seen: worst(seen, Name.ENGINE).level is Level.BAD)
        assert {(Name.ENGINE, Level.BAD), (Name.MODEL, Level.UNKNOWN)} <= troubled(hung)
    looked(name, lambda seen: not troubled(seen))

    place.trouble(provider="vast", kind="row", set={"label": "edited"})
    (place.folder / ".ert" / "ert-sandbox.json").rename(place.folder / "kept.json")
    assert f"bad      stray {backend['instance']}" in place.ert("status", "-c", name, code=5).stdout
    place.trouble(provider="vast", kind="row", end=True)
    (place.folder / "kept.json").rename(place.folder / ".ert" / "ert-sandbox.json")

    place.fault(provider="vast", operation="list", status=502, body="<html>bad gateway</html>", count=50)
    unread = json.loads(place.ert("status", "-c", name, "--json", code=5).stdout)
    assert (unread["version"], unread["exit_code"], unread["verdict"]) == (1, 5, "unclear")
    assert {row["level"] for row in unread["links"] if row["link"] == "contract"} == {"unknown"}
    assert {row["level"] for row in unread["links"] if row["link"] == "app instance"} == {"good"}
    place.fault(provider="vast", clear=True)

    place.trouble(provider="vast", kind="outbid")
    looked(name, lambda seen: seen.money is not None and seen.money.asleep == "outbid" and bool(troubled(seen)))
    for line in watching.stdout:
        if "stopped (outbid)" in line:
            break
    watching.send_signal(signal.SIGINT)
    watching.communicate(timeout=PATIENCE)
    assert watching.returncode == 6
    place.trouble(provider="vast", kind="outbid", end=True)
    looked(name, lambda seen: not troubled(seen))

    place.ert("sleep", "-c", name)
    asleep = json.loads(place.ert("status", "-c", name, "--json").stdout)
    assert (asleep["exit_code"], asleep["money"]["asleep"]) == (0, "asked")
    place.trouble(provider="vast", kind="credit", value=-1)
    broke = status(name)
    assert (Name.ACCOUNT, Level.BAD) in troubled(broke)
    assert broke.money is not None
    assert broke.money.asleep == "credit"
    place.trouble(provider="vast", kind="credit", value=20)

    assert place.instances() == [backend["instance"]], "a look has rented or destroyed something"
    place.ert("down", "-c", name)
    assert "nothing is running; as wanted" in place.ert("status", "-c", name).stdout
