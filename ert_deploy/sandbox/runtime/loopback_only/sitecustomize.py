"""Loopback guard: Python imports this at start in every process of the sandbox, which then reaches loopback only.

Its folder is first on PYTHONPATH there. An audit hook, which nothing in the process can remove, refuses to resolve a
name and to connect or send to an address off loopback (PermissionError) and appends one JSON line for each attempt to
the file in ERT_SANDBOX_REFUSED. Unix sockets and binding to an address stay allowed. Python looks a name up before it
audits the call that was given the name, so the methods of `socket.socket` are checked too, from the first socket on. A
sitecustomize that would have been imported in its place is run afterwards.

Not covered: a Python started with -I, -S or -E or with an emptied environment, programs that are not Python, native
code with sockets of its own (pycares, uvloop), and the lookup of a name given to the bare `_socket.socket`. Standard
library only; installs nothing when imported by another name. No image contains it: a real container is not affected.
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
# Where the address is among the arguments of a method.
METHODS = {"connect": 0, "connect_ex": 0, "bind": 0, "sendto": -1, "sendmsg": 3}
UNSPECIFIED = ("", "0.0.0.0", "::")  # noqa: S104 - to be looked up and listened on, never connected to


def is_loopback(host: str) -> bool:
    """Whether a host is localhost or an address of this machine's loopback; a name is never looked up."""
    import ipaddress

    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return host.lower() == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def refused(event: str, args: tuple[object, ...]) -> str | None:
    """The host an audit event of a socket leads to if that is off loopback; None when the event is allowed."""
    target = args[0] if event in LOOKUPS else args[1]
    if target is None or (event not in LOOKUPS and isinstance(target, str | bytes)):
        return None  # connected before, the wildcard, or the path of a Unix socket
    host = target[0] if isinstance(target, tuple) and target else target
    text = bytes(host).decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host)
    if is_loopback(text) or (text in UNSPECIFIED and event not in CALLS):
        return None
    # Binding to an address sends nothing; binding to a name would look it up.
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
    """The audit hook; PermissionError when a process is about to leave loopback."""
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
        return  # the refusal itself is what counts


def _check_methods() -> None:
    """Check the address before the method looks it up; does something at the first socket only."""
    kind = getattr(sys.modules.get("socket"), "socket", None)
    if kind is None or "connect" in vars(kind):
        return
    for name, at in METHODS.items():
        setattr(kind, name, _checked(getattr(kind, name), f"socket.{name.removesuffix('_ex')}", at))


def _checked(method: Callable[..., object], event: str, at: int) -> Callable[..., object]:
    def call(sock: object, *args: object) -> object:
        if len(args) > max(at, 0):
            hook(event, (sock, args[at]))
        return method(sock, *args)

    return call


def _run_the_one_behind() -> None:
    """Run the sitecustomize that Python would have found without this one."""
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec("sitecustomize", [p for p in sys.path if os.path.abspath(p) != HERE])  # noqa: PTH100
    if spec is not None and spec.loader is not None:
        from importlib.util import module_from_spec

        spec.loader.exec_module(module_from_spec(spec))


if __name__ == "sitecustomize":
    sys.addaudithook(hook)
    _run_the_one_behind()
