"""The shell adapter against a real SSH server on loopback: input and output, authentication, and errors."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest

from ert_deploy.adapters.ssh.known_hosts import KnownHosts
from ert_deploy.adapters.ssh.shell import SIGNALLED, Door, Patience, execute
from ert_deploy.core.model.errors import Failed, NeedsAttention, UsageError
from ert_deploy.core.model.observed import Address
from tests.support.doubles.ssh_server import BIG, Sshd, sshd
from tests.support.ids import nth

MINE, OTHER, HOST_KEY = (paramiko.ECDSAKey.generate() for _ in range(3))
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def server() -> Iterator[Sshd]:
    with sshd(MINE, HOST_KEY) as running:
        yield running


@pytest.fixture
def door(server: Sshd, tmp_path: Path) -> Door:
    MINE.write_private_key_file(str(tmp_path / "id"))
    known = KnownHosts(tmp_path / "state" / "known_hosts")
    return Door(
        nth(7), Address("127.0.0.1", server.port), known, tmp_path / "id", Patience(3, 3, 3), allow_loopback=True
    )


def run(door: Door, command: str) -> tuple[int, bytes, bytes]:
    out, err = bytearray(), bytearray()
    return execute(door, command, out.extend, err.extend), bytes(out), bytes(err)


def test_both_streams_and_the_exit_code_arrive(door: Door) -> None:
    assert run(door, "both") == (0, b"to out\n", b"to err\n")
    assert run(door, "exit 42") == (42, b"", b"")


def test_a_megabyte_on_each_stream_arrives_whole(door: Door) -> None:
    assert run(door, "big") == (0, b"x" * BIG, b"y" * BIG)


def test_a_command_has_an_empty_input(door: Door) -> None:
    assert run(door, "stdin") == (0, b"[]", b"")


def test_a_key_that_is_not_let_in_is_said_in_one_line(door: Door, server: Sshd, tmp_path: Path) -> None:
    OTHER.write_private_key_file(str(tmp_path / "other"))
    with pytest.raises(UsageError, match="does not take the key") as refused:
        run(replace(door, identity=tmp_path / "other"), "both")
    assert "Vast account" in refused.value.hint
    assert (server.commands, server.passwords) == ([], [])


def test_without_a_key_nothing_else_is_tried(door: Door, server: Sshd) -> None:
    with pytest.raises(UsageError, match="no key to show"):
        run(replace(door, identity=None), "both")
    assert server.passwords == []


def test_a_key_with_a_passphrase_belongs_into_the_agent(door: Door, tmp_path: Path) -> None:
    MINE.write_private_key_file(str(tmp_path / "locked"), password="a secret")
    with pytest.raises(UsageError, match="passphrase"):
        run(replace(door, identity=tmp_path / "locked"), "both")


def test_a_file_that_is_no_key_is_not_quoted(door: Door, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("canary-0123456789\n")
    with pytest.raises(UsageError, match="no private key") as refused:
        run(replace(door, identity=tmp_path / "text"), "both")
    assert "canary" not in f"{refused.value.summary}{refused.value.detail}{refused.value.hint}"


def test_a_host_key_is_remembered_and_another_one_refused(door: Door, server: Sshd) -> None:
    run(door, "both")
    path = door.known_hosts.path
    assert path.read_text() == f"ert-instance-7 {HOST_KEY.get_name()} {HOST_KEY.get_base64()}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    run(door, "both")
    server.host_key = OTHER
    with pytest.raises(NeedsAttention, match="host key of instance 7 has changed") as refused:
        run(door, "both")
    assert str(path) in refused.value.hint
    assert len(server.commands) == 2
    assert run(replace(door, instance=nth(8)), "both")[0] == 0, "another instance may have the address by now"


@pytest.mark.parametrize("text", ["nonsense\n", "ert-instance-7 ssh-rsa AAAA\n", "ert-instance-7 a b c\n"])
def test_a_list_of_host_keys_that_is_none_lets_nobody_in(door: Door, server: Sshd, text: str) -> None:
    door.known_hosts.path.parent.mkdir()
    door.known_hosts.path.write_text(text)
    with pytest.raises(UsageError, match="known_hosts"):
        run(door, "both")
    assert server.commands == []


@pytest.mark.parametrize("planted", ["link", "hard link", "pipe", "open folder"])
def test_what_others_may_have_planted_pins_no_key(door: Door, server: Sshd, tmp_path: Path, planted: str) -> None:
    """A clone may contain the directory, and another user may add their own key to the file."""
    path, profile = door.known_hosts.path, tmp_path / ".bashrc"
    path.parent.mkdir(mode=0o700)
    profile.write_text("# mine\n")
    if planted == "link":
        path.symlink_to(profile)
    elif planted == "hard link":
        path.hardlink_to(profile)
    elif planted == "pipe":
        os.mkfifo(path)
    else:
        path.parent.chmod(0o1777)
    with pytest.raises(UsageError):
        run(door, "both")
    with pytest.raises(UsageError):
        door.known_hosts.add(nth(7), "ssh-rsa", "AAAA")
    assert server.commands == []
    assert profile.read_text() == "# mine\n"


def test_a_line_that_is_cut_is_no_success(door: Door) -> None:
    with pytest.raises(Failed, match="closed before the command finished"):
        run(door, "cut")


def test_a_command_that_leaves_no_status_gets_one(door: Door) -> None:
    assert run(door, "nothing at all") == (SIGNALLED, b"", b"")


def test_a_command_may_be_silent_as_long_as_the_line_answers(door: Door) -> None:
    assert run(replace(door, patience=Patience(3, 3, 0.1)), "slow") == (0, b"late\n", b"")


def test_a_line_that_is_silent_and_does_not_answer_is_given_up(door: Door, server: Sshd) -> None:
    with pytest.raises(Failed, match="closed before the command finished"):
        run(replace(door, patience=Patience(3, 3, 0.3)), "stuck")
    server.release.set()


def test_a_server_that_says_nothing_is_given_up(door: Door) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        silent = replace(door, address=Address("127.0.0.1", mute.getsockname()[1]), patience=Patience(0.3, 0.3, 0.3))
        with pytest.raises(Failed, match="no SSH session with instance 7"):
            run(silent, "both")


def test_a_closed_port_is_said(door: Door) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(Failed, match="no SSH session"):
        run(replace(door, address=Address("127.0.0.1", port)), "both")


@pytest.mark.parametrize("ip", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::ffff:192.168.1.1", "100.64.0.1", "host"])
def test_only_a_public_address_is_called(door: Door, server: Sshd, ip: str) -> None:
    """The agent would expose its keys to any server at the address; the port is that of a server that accepts them."""
    inward = replace(door, address=Address(ip, server.port), allow_loopback=False)
    with pytest.raises(NeedsAttention, match=r"instance 7 is not called: .* is not (a public|an IP) address"):
        run(inward, "both")
    assert server.commands == []
    assert not door.known_hosts.path.exists()


def test_a_shell_on_a_terminal(door: Door, server: Sshd) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from ert_deploy.adapters.ssh.shell import *\nfrom ert_deploy.adapters.ssh.known_hosts import KnownHosts\n"
        "from ert_deploy.core.model.observed import Address\n"
        "known, key, port = sys.argv[1:]\n"
        "address = Address('127.0.0.1', int(port))\n"
        "door = Door(7, address, KnownHosts(Path(known)), Path(key), allow_loopback=True)\n"
        "sys.exit(interact(door))"
    )
    ours, theirs = pty.openpty()
    words = [str(door.known_hosts.path), str(door.identity), str(server.port)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "vt100"}
    with subprocess.Popen(
        [sys.executable, "-c", code, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=env
    ) as p:
        os.close(theirs)
        seen = b""
        while not seen.endswith(b"$ "):
            seen += os.read(ours, 1000)
        os.write(ours, b"hello\r")
        while b"you said hello" not in seen:
            seen += os.read(ours, 1000)
        assert p.wait(10) == 5
    os.close(ours)
    assert server.terminals[0][0] == b"vt100"
