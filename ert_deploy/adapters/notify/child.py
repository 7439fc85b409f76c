"""Child process that sends one message with Apprise: reads it from standard input, writes a line for each address.

Whatever Apprise sends over HTTP goes through `exchange`: no redirects, limits on time and size, the proxies and the CA
bundle of the environment, certificates always verified. Mail and the like have their own sockets, which end with this
process. A line has no part of an address.
"""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any

import apprise
import requests
import requests.sessions

from ert_deploy.adapters.bounded_http import KIB, Bounds, NoAnswer, Reply, exchange
from ert_deploy.adapters.bounded_socket import Reach, everywhere
from ert_deploy.adapters.bounded_transport import Transport

CONNECT, SIZE = 5.0, 256 * KIB
RESOLVED = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})
CONNECTED = frozenset({"socket.connect", "socket.sendto"})
REFUSED = "it is not on this machine, and the sandbox reaches no other"
_original = requests.Session.send
_reasons = threading.local()


def main() -> None:
    """Send the message on standard input. Ends when its time is over, whatever is still under way."""
    order = json.load(sys.stdin)
    signal.setitimer(signal.ITIMER_REAL, order["seconds"])  # SIGALRM ends the process
    reach = _loopback if order["loopback_only"] else everywhere
    if order["loopback_only"]:
        sys.addaudithook(_refuse_elsewhere)
    install(Bounds(CONNECT, order["seconds"], order["seconds"], SIZE), reach)
    threads = [
        threading.Thread(target=_deliver, args=(at, address, order), daemon=True)
        for at, address in enumerate(order["addresses"], 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def install(bounds: Bounds, reach: Reach) -> None:
    """Make whatever uses `requests` in this process send with `exchange`, and read no .netrc file."""
    sessions: Any = requests.sessions
    sessions.get_netrc_auth = _no_login
    sessions.Session.send = _sender(bounds, reach)


def _no_login(*_: object, **__: object) -> None:
    """Stand in for what reads a .netrc file."""


def _deliver(at: int, address: str, order: Mapping[str, Any]) -> None:
    _reasons.last = ""
    service, reason = "", "Apprise does not know such an address"
    try:
        asset = apprise.AppriseAsset(
            app_id="ert-deploy", app_desc="ert-deploy", app_url="", async_mode=False, secure_logging=True
        )
        place = apprise.Apprise.instantiate(address, asset=asset)
        if place is not None:
            service = str(place.service_name)
            taken = place.notify(body=order["body"], title=order["title"], notify_type=order["severity"])
            reason = "" if taken else _reasons.last or "it was not accepted"
    except Exception as error:  # whatever a plugin raises: its text may contain the address
        reason = f"{type(error).__name__} while sending"
    line = json.dumps({"at": at, "service": service, "reason": reason})
    os.write(1, f"{line}\n".encode())  # one call, so that lines of two threads do not mix


def _sender(bounds: Bounds, reach: Reach) -> Any:
    """Return the method that takes the place of `requests.Session.send`."""

    def send(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        if isinstance(session.get_adapter(str(request.url)), Transport):  # of `exchange` itself
            return _original(session, request, **options)
        try:
            reply = _exchanged(request, bounds, reach)
        except NoAnswer as error:
            _reasons.last = _reasons.last or error.reason
            raise requests.ConnectionError(error.reason) from None
        if not 200 <= reply.status < 300:
            _reasons.last = f"HTTP {reply.status}"
        made = requests.Response()
        made.status_code, made.url, made.request = reply.status, str(request.url), request
        made.headers.update(reply.headers)
        made._content = reply.body
        return made

    return send


def _exchanged(request: requests.PreparedRequest, bounds: Bounds, reach: Reach) -> Reply:
    body = request.body
    content = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else None
    headers = {str(name): _text(value) for name, value in request.headers.items() if name.lower() != "content-length"}
    return exchange(str(request.method), str(request.url), bounds, headers=headers, content=content, reach=reach)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _loopback(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_loopback


def _refuse_elsewhere(event: str, args: tuple[Any, ...]) -> None:
    """Audit hook for what does not go through `exchange`. Raises PermissionError for another machine."""
    if event in RESOLVED:
        host = args[0]
    elif event in CONNECTED and isinstance(args[1], tuple):
        host = args[1][0]
    else:
        return
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "localhost")
    try:
        here = ipaddress.ip_address(name).is_loopback
    except ValueError:
        here = name == "localhost"
    if not here:
        _reasons.last = REFUSED
        raise PermissionError(REFUSED)


if __name__ == "__main__":
    main()
