"""`python -m tests.guard_schedules`: random failure schedules of a machine, run through the guard's own code.

Exit code 1 when a machine was stopped too early, destroyed although claimed, or not stopped in time; such a schedule
is reported with its seed. `--seed N` replays it deterministically and lists its events.
"""

from __future__ import annotations

import sys

from tests.guard_schedules.play import play
from tests.support.schedules import main

if __name__ == "__main__":
    sys.exit(main(play, "tests.guard_schedules", __doc__))
