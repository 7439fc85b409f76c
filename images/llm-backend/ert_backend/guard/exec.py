"""Parent-death wrapper: asks the kernel to kill this process with its parent, then executes the command.

    python exec.py PARENT_PID COMMAND [ARGUMENT...]

In a container the exit of PID 1 ends all processes anyway; if the guard is an ordinary process, this prevents its
children from outliving it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Execute the command; returns only when it cannot be started, with 127."""
    parent, command = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            return 0
    try:
        os.execvp(command[0], command)  # noqa: S606 - this is what it is for
    except OSError as error:
        sys.stderr.write(f"guard: cannot start {command[0]}: {error.strerror}\n")
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
