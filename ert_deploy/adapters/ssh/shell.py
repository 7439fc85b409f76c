"""SSH shell: a debugging shell on a GPU machine. Only this module imports paramiko.

It authenticates with keys only and never requests or sends a password. A host key is accepted on first use and pinned
to the instance id, because Vast may reuse an IP address but never an id.
"""

from __future__ import annotations

import logging
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ert_deploy.adapters.extras import part_of
from ert_deploy.adapters.public_address import objection
from ert_deploy.adapters.ssh import terminal
from ert_deploy.adapters.ssh.known_hosts import KnownHosts
from ert_deploy.core.model.errors import Failed, NeedsAttention, UsageError
from ert_deploy.core.model.observed import Address
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.text import printable

USER = "root"  # the user that Vast's SSH setup allows
SSH_PORT = 22
CHUNK = 32768
SIGNALLED = 255  # the exit status of ssh(1) for a command without one


@dataclass(frozen=True, slots=True)
class Patience:
    """Timeouts in seconds: to connect and exchange keys, to authenticate, and until a silent connection is checked."""

    connect: float = 15.0
    auth: float = 20.0
    silence: float = 30.0


@dataclass(frozen=True, slots=True)
class Door:
    """The target of a shell. `identity` is the file of a private key; without one, the keys of the agent are used.

    `allow_loopback` is for a provider on this machine; otherwise only public IP addresses are contacted.
    """

    instance: InstanceId
    address: Address
    known_hosts: KnownHosts
    identity: Path | None = None
    patience: Patience = field(default_factory=Patience)
    allow_loopback: bool = False


def execute(door: Door, command: str, out: Callable[[bytes], None], err: Callable[[bytes], None]) -> int:
    """Run a shell command with empty standard input, pass on its output, and return its exit status.

    Raises `UsageError`, `NeedsAttention` (wrong host key or private IP address) or `Failed` when the connection fails.
    """
    with _session(door) as (transport, channel):
        with _explained(door):
            channel.exec_command(command)
            channel.shutdown_write()
        return _follow(door, transport, channel, out, err)


def interact(door: Door) -> int:
    """Run a login shell on the terminal of standard input and return its exit status. Raises like `execute`."""
    with _session(door) as (transport, channel):
        columns, rows = terminal.size()
        with _explained(door):
            channel.get_pty(terminal.kind(), columns, rows)
            channel.invoke_shell()
        transport.set_keepalive(int(door.patience.silence))
        with suppress(OSError):  # a broken connection is reported by `_status`
            terminal.attach(channel)
        return _status(door, channel)


@contextmanager
def _session(door: Door) -> Iterator[tuple[Any, Any]]:
    with part_of("ssh", "`ert-deploy ssh`"):
        import paramiko

    log = logging.getLogger("paramiko")  # logged errors are raised, too
    log.addHandler(logging.NullHandler())
    log.propagate = False
    client = paramiko.SSHClient()
    try:
        with _explained(door):
            _connect(door, client)
            transport = client.get_transport()
            assert transport is not None
            channel = transport.open_session(timeout=door.patience.auth)
        yield transport, channel
    finally:
        client.close()


def _connect(door: Door, client: Any) -> None:
    import paramiko

    class TakeOnFirstUse(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
        """Pins the key of an unknown host."""

        def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:  # noqa: ARG002
            door.known_hosts.add(door.instance, key.get_name(), key.get_base64())

    host, port = door.address.ip, door.address.port
    if why := objection(door.address, allow_loopback=door.allow_loopback):
        raise NeedsAttention(
            f"instance {door.instance} is not called: {why}",
            "an SSH agent would show its keys to whatever is there",
            "`ert-deploy status` lists the instance; Vast.ai lists a public address once it has booted",
        )
    client.set_missing_host_key_policy(TakeOnFirstUse())
    pinned = door.known_hosts.find(door.instance)
    if pinned is not None:
        client.get_host_keys().add(host if port == SSH_PORT else f"[{host}]:{port}", pinned[0], _key(door, *pinned))
    client.connect(
        host,
        port,
        username=USER,
        pkey=_identity(door.identity) if door.identity is not None else None,
        allow_agent=door.identity is None,
        look_for_keys=False,
        timeout=door.patience.connect,
        banner_timeout=door.patience.connect,
        auth_timeout=door.patience.auth,
        channel_timeout=door.patience.auth,
    )


def _identity(path: Path) -> Any:
    """Load the private key in a file. Error messages contain no part of it."""
    import paramiko

    try:
        return paramiko.PKey.from_path(path)
    except (TypeError, paramiko.PasswordRequiredException) as error:  # `cryptography` raises TypeError for these
        raise UsageError(f"{path}: the key has a passphrase", hint="`ssh-add` it to the agent") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, paramiko.SSHException, paramiko.UnknownKeyType) as error:
        raise UsageError(f"{path}: no private key that can be used") from error


def _key(door: Door, kind: str, blob: str) -> Any:
    import paramiko

    try:
        entry = paramiko.hostkeys.HostKeyEntry.from_line(f"pinned {kind} {blob}")
    except (paramiko.SSHException, paramiko.hostkeys.InvalidHostKey, ValueError) as error:
        raise door.known_hosts.damaged() from error
    if entry is None or entry.key is None:
        raise door.known_hosts.damaged()
    return entry.key


@contextmanager
def _explained(door: Door) -> Iterator[None]:
    """Convert every connection error to an `ErtError` with a hint."""
    import paramiko

    where = f"instance {door.instance} ({door.address.ip}:{door.address.port})"
    try:
        yield
    except paramiko.BadHostKeyException as error:
        raise NeedsAttention(
            f"the SSH host key of instance {door.instance} has changed: connection rejected",
            hint=f"this may be a man-in-the-middle attack. If you recycled the container yourself, remove its line "
            f"({door.known_hosts.alias(door.instance)}) from {door.known_hosts.path}",
        ) from error
    except paramiko.AuthenticationException as error:
        raise _key_refused(where) from error
    except paramiko.SSHException as error:
        if "No authentication methods" in str(error):
            raise UsageError("there is no key to show", hint="`ssh-add` one, or give --identity FILE") from error
        raise Failed(f"no SSH session with {where}: {printable(error, 120)}", hint="run it again") from error
    except (OSError, EOFError) as error:
        what = "no response in time" if isinstance(error, TimeoutError) else printable(error, 120) or "connection ended"
        raise Failed(f"no SSH session with {where}: {what}", hint="see `ert-deploy status`") from error


def _key_refused(where: str) -> UsageError:
    return UsageError(
        f"{where} does not take the key",
        hint="a machine gets the Vast account's keys when it is rented: add yours there and rent again, or "
        "give --identity FILE",
    )


def _follow(
    door: Door, transport: Any, channel: Any, out: Callable[[bytes], None], err: Callable[[bytes], None]
) -> int:
    """Pass on both streams until they end; a silent connection is checked with a keepalive request."""
    while True:
        if channel.recv_ready():
            out(channel.recv(CHUNK))
        elif channel.recv_stderr_ready():
            err(channel.recv_stderr(CHUNK))
        elif channel.eof_received or channel.closed:
            # The last output and the end of the streams may be received between two checks.
            if not channel.recv_ready() and not channel.recv_stderr_ready():
                return _status(door, channel)
        elif not select.select([channel], [], [], door.patience.silence)[0]:
            _must_answer(door, transport)


def _must_answer(door: Door, transport: Any) -> None:
    ask = threading.Thread(
        target=_ask, args=(transport,), name="ssh-keepalive", daemon=True
    )  # paramiko waits for the response without a timeout
    ask.start()
    ask.join(door.patience.silence)
    if ask.is_alive():
        transport.close()
        ask.join()
        raise _line_ended(door)


def _ask(transport: Any) -> None:
    import paramiko

    with suppress(OSError, EOFError, paramiko.SSHException):
        transport.global_request("keepalive@openssh.com", wait=True)


def _status(door: Door, channel: Any) -> int:
    if not channel.status_event.wait(door.patience.silence):
        raise _line_ended(door)
    if channel.exit_status >= 0:
        return int(channel.exit_status)
    if channel.eof_received and channel.get_transport().is_active():
        return SIGNALLED
    raise _line_ended(door)


def _line_ended(door: Door) -> Failed:
    return Failed(
        f"the connection to instance {door.instance} closed before the command finished",
        hint="the command may still run there; check the machine with `ert-deploy status`",
    )
