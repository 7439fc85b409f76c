"""Reload of a running HAProxy through the socket of its master process, which takes new files and loses no request."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

WITHIN = 10.0  # seconds for the master to take the command


def reload(master: Path) -> bool:
    """Have HAProxy read its files anew; return whether one listens at this socket.

    The requests that it has go on in the process that has them. Without the socket of a process that lives nothing is
    signalled, unlike by the id in a file, which may be that of another process by now.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(WITHIN)
        try:
            connection.connect(str(master))
            connection.sendall(b"reload\n")
        except OSError:
            return False
        with contextlib.suppress(OSError):  # the master that reloads may close it without a response
            connection.recv(4096)
    return True
