"""The life of an instance from rented to running, stopped and destroyed, with a real process in the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ert_deploy.sandbox.runtime.machines import Ports
from ert_deploy.sandbox.vast.contract import Order
from tests.support.vast.world import PROGRAM, Renter, environment, renting, until


@pytest.fixture
def renter() -> Iterator[Renter]:
    with renting() as up:
        yield up


def test_an_instance_goes_from_nothing_over_loading_to_running() -> None:
    with renting(speed=60.0) as renter:
        id = renter.rent()
        assert renter.status(id) is None
        renter.until(id, "created")
        loading = renter.until(id, "loading")
        assert loading["ports"] is None
        until(lambda: "Downloading" in (renter.row(id)["status_msg"] or ""))
        assert "MB/4000.0MB (" in renter.row(id)["status_msg"]
        row = renter.until(id, "running")
    assert row["status_msg"] == "success, running ghcr.io/x/llm:1/args"
    assert row["public_ipaddr"] == "127.0.0.1\n"
    assert [r["HostIp"] for r in row["ports"]["8443/tcp"]] == ["0.0.0.0", "::"]
    assert row["start_date"] is not None
    assert ["GREETING", "hello"] in row["extra_env"]


def test_the_machine_has_the_environment_vast_would_give_and_none_of_the_sandboxs(
    renter: Renter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for machines")
    monkeypatch.setenv("FTP_PROXY", "http://127.0.0.1:1")
    id = renter.running()
    row, env = renter.row(id), environment(renter, id)
    port = row["ports"]["8443/tcp"][0]["HostPort"]
    assert env["CONTAINER_ID"] == str(id)
    assert env["VAST_CONTAINERLABEL"] == f"C.{id}"
    assert (env["PUBLIC_IPADDR"], env["VAST_TCP_PORT_8443"], env["GPU_COUNT"]) == ("127.0.0.1", port, "1")
    assert (env["ERT_BIND"], env["GREETING"], env["ERT_CLOCK_SPEED"]) == (f"127.0.0.1:{port}", "hello", "400.0")
    assert env["HOME"] == env["ERT_DATA_DIR"] == env["DATA_DIRECTORY"]
    assert env["OLLAMA_HOST"].startswith("127.0.0.1:")
    assert not {"AWS_SECRET_ACCESS_KEY", "FTP_PROXY", "-p 8443:8443"} & set(env)


def test_stop_ends_the_process_and_start_finds_the_same_disk_and_port(renter: Renter) -> None:
    id = renter.running()
    before = environment(renter, id)
    first = renter.double.pids()[id]
    assert renter.sdk.stop_instance(id) == {"success": True}
    row = renter.until(id, "exited")
    assert (row["intended_status"], row["cur_state"], row["ports"]) == ("stopped", "stopped", None)
    assert not alive(first)
    assert renter.sdk.start_instance(id) == {"success": True}
    renter.until(id, "running")
    after = environment(renter, id)
    assert renter.double.pids()[id] != first
    assert {k: after[k] for k in ("HOME", "ERT_BIND")} == {k: before[k] for k in ("HOME", "ERT_BIND")}


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_destroy_takes_process_disk_and_record_away(renter: Renter) -> None:
    id = renter.running()
    pid, disk = renter.double.pids()[id], environment(renter, id)["HOME"]
    assert renter.sdk.destroy_instance(id) == {"success": True}
    assert renter.sdk.show_instance(id) is None
    with pytest.raises(requests.HTTPError) as gone:
        renter.sdk.destroy_instance(id)
    assert (gone.value.response.status_code, gone.value.response.json()["error"]) == (404, "no_such_instance")
    until(lambda: not alive(pid) and not os.path.exists(disk))  # noqa: PTH110 - a path out of a log


def test_a_process_that_ends_is_exited_and_its_contract_still_bills_the_gpu() -> None:
    with renting("pass") as renter:
        id = renter.rent()
        row = renter.until(id, "exited")
        assert (row["intended_status"], row["cur_state"]) == ("running", "running")
        spent = renter.double.bill().rows[0].gpu_seconds
        until(lambda: renter.double.bill().rows[0].gpu_seconds > spent)


def test_a_program_that_ignores_sigterm_is_killed_after_its_grace() -> None:
    stubborn = PROGRAM.replace("lambda *_: sys.exit(0)", "signal.SIG_IGN")
    with renting(stubborn) as renter:
        id = renter.running()
        environment(renter, id)
        pid = renter.double.pids()[id]
        renter.sdk.stop_instance(id)
        renter.until(id, "exited")
        assert not alive(pid)


def test_children_of_a_machine_end_with_it() -> None:
    parent = (
        "import subprocess, signal, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'import signal; signal.pause()'], process_group=0)\n"
        "print(child.pid, flush=True)\n"
        "signal.pause()\n"
    )
    with renting(parent) as renter:
        id = renter.running()
        until(lambda: bool(renter.sdk.logs(id).strip()))
        child = int(renter.sdk.logs(id))
        renter.double.trouble({"kind": "crash", "instance_id": id})
        renter.until(id, "exited")
        until(lambda: not alive(child) or zombie(child))


def zombie(pid: int) -> bool:
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
        return stat.read().rpartition(")")[2].split()[0] == "Z"


def test_reboot_gives_another_process_and_recycle_also_other_ports(renter: Renter) -> None:
    id = renter.running()
    pid, ports = renter.double.pids()[id], renter.row(id)["ports"]
    assert renter.sdk.reboot_instance(id) == {"success": True}
    renter.until(id, "running")
    again = renter.double.pids()[id]
    assert again != pid
    assert renter.row(id)["ports"] == ports
    assert renter.sdk.recycle_instance(id) == {"success": True}
    renter.until(id, "running")
    assert renter.row(id)["ports"] != ports


@pytest.mark.parametrize("running", [True, False])
def test_an_instance_of_an_earlier_world_keeps_id_port_and_disk_and_pulls_nothing(
    renter: Renter, tmp_path: Path, running: bool
) -> None:
    (tmp_path / "kept").write_text("then")
    ask, port = renter.double.asks()[0], Ports().give()
    order = Order("ghcr.io/x/llm:1", {"GREETING": "hello", "-p 8443:8443": "1"}, 40.0, "args", label="mine")
    asked: dict[str, Any] = {"ports": {"8443/tcp": port}, "disk": tmp_path, "running": running}
    renter.double.add_instance(ask, order, id=77, **asked)
    with pytest.raises(ValueError, match="instance 77 exists already"):
        renter.double.add_instance(ask, order, id=77, **asked)
    if not running:
        assert renter.status(77) == "exited"
        renter.sdk.start_instance(77)
    row = renter.until(77, "running")
    env = environment(renter, 77)
    assert (row["label"], row["ports"]["8443/tcp"][0]["HostPort"], env["GREETING"]) == ("mine", str(port), "hello")
    assert (Path(env["DATA_DIRECTORY"]) / "kept").read_text() == "then"
    (paid,) = renter.double.bill().rows
    assert (paid.instance_id, paid.download_gb, paid.billing) == (77, 0.0, True)
    assert renter.rent() == 27_000_011
