"""Loopback guard: Python imports this at startup of every child process, which can then reach loopback only.

Its directory is the first one on PYTHONPATH. An audit hook, which the process cannot remove, blocks name resolution and
connecting or sending to an address outside loopback (`PermissionError`), and appends one JSON line per attempt to the
file in ERT_SANDBOX_REFUSED. Unix sockets and binding to an address are allowed; a bind to all addresses becomes one to
loopback. Python resolves a host name before it audits the call, so the methods of `socket.socket` are also checked, as
soon as the first socket is created. If there
is another sitecustomize on the path, it is executed afterwards.

Not covered: Python started with -I, -S or -E or with an empty environment, programs that are not Python, native code
with its own sockets (pycares, uvloop), and resolution of a name passed to the bare `_socket.socket`. Standard library
only; has no effect when imported by another name. It is part of no image, so real containers are not affected.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib would slow every start
LOG = "ERT_SANDBOX_REFUSED"
LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"})
CALLS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
WATCHED = LOOKUPS | CALLS | {"socket.bind"}
# Position of the address in the arguments of each method.
METHODS = {"connect": 0, "connect_ex": 0, "bind": 0, "sendto": -1, "sendmsg": 3}
UNSPECIFIED = ("", "0.0.0.0", "::")  # noqa: S104 - may be resolved or bound, but not connected to


def is_loopback(host: str) -> bool:
    """Whether a host is localhost or a loopback address; names are not resolved."""
    import ipaddress

    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return host.lower() == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def refused(event: str, args: tuple[object, ...]) -> str | None:
    """Return the remote host of a socket audit event, or None when the event is allowed."""
    target = args[0] if event in LOOKUPS else args[1]
    if target is None or (event not in LOOKUPS and isinstance(target, str | bytes)):
        return None  # already connected, the wildcard, or the path of a Unix socket
    host = target[0] if isinstance(target, tuple) and target else target
    text = bytes(host).decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host)
    if is_loopback(text) or (text in UNSPECIFIED and event not in CALLS):
        return None
    # Binding to an address sends no data; binding to a name would resolve it.
    return None if event == "socket.bind" and is_address(text) else text


def is_address(host: str) -> bool:
    """Whether a host is an IP address, with or without brackets."""
    import ipaddress

    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def hook(event: str, args: tuple[object, ...]) -> None:
    """Audit hook. Raises `PermissionError` when a process tries to reach a host outside loopback."""
    if event == "socket.__new__":
        _check_methods()
    host = refused(event, args) if event in WATCHED else None
    if host is None:
        return
    what = event.removeprefix("socket.")
    shown = "".join(c if c.isalnum() or c in ".:-_%" else "?" for c in host.rpartition("@")[2])[:255]
    _write_down(what, shown)
    raise PermissionError(13, f"the sandbox reaches loopback only: {what} {shown} refused; hint: see ${LOG}")


def _write_down(what: str, host: str) -> None:
    line = f'{{"what": "{what}", "host": "{host}", "pid": {os.getpid()}}}\n'
    try:
        file = os.open(os.environ.get(LOG) or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)
    except OSError:
        return  # blocking matters more than the log


def _check_methods() -> None:
    """Check addresses before a method resolves them; installed once, when the first socket is created."""
    kind = getattr(sys.modules.get("socket"), "socket", None)
    if kind is None or "connect" in vars(kind):
        return
    for name, at in METHODS.items():
        setattr(kind, name, _checked(getattr(kind, name), f"socket.{name.removesuffix('_ex')}", at))


def _checked(method: Callable[..., object], event: str, at: int) -> Callable[..., object]:
    def call(sock: object, *args: object) -> object:
        if len(args) > max(at, 0):
            hook(event, (sock, args[at]))
        if event == "socket.bind" and args:
            args = (_kept_in(sock, args[0]), *args[1:])
        return method(sock, *args)

    return call


def _kept_in(sock: object, address: object) -> object:
    """Return the address to bind to: loopback instead of all addresses, which would be open to the network.

    A socket for both families keeps the one that clients of the sandbox use.
    """
    import socket

    if not (isinstance(sock, socket.socket) and isinstance(address, tuple) and address and address[0] in UNSPECIFIED):
        return address
    if sock.family != socket.AF_INET6:
        return ("127.0.0.1", *address[1:])
    alone = sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    return ("::1" if alone else "::ffff:127.0.0.1", *address[1:])


def _run_the_one_behind() -> None:
    """Execute the sitecustomize that Python would have imported without this one."""
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec("sitecustomize", [p for p in sys.path if os.path.abspath(p) != HERE])  # noqa: PTH100
    if spec is not None and spec.loader is not None:
        from importlib.util import module_from_spec

        spec.loader.exec_module(module_from_spec(spec))


if __name__ == "sitecustomize":
    sys.addaudithook(hook)
    _run_the_one_behind()
