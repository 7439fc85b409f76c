"""`python -m tests.guard_schedules`: random histories of a machine's failures through the guard's own code.

Exit code 1 when a machine was stopped too early, destroyed though it was claimed, or not stopped in time; such a
schedule is printed with its seed. `--seed N` replays it, the same every time, and prints what happens in it.
"""

from __future__ import annotations

import sys

from tests.guard_schedules.play import play
from tests.support.schedules import main

if __name__ == "__main__":
    sys.exit(main(play, "tests.guard_schedules", __doc__))
