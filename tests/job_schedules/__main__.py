"""`python -m tests.job_schedules`: random schedules of reports and faults through the backend's own code.

Exit code 1 when a report was lost, duplicated or cut; such a schedule is reported with its seed. `--seed N` replays
it deterministically and lists its events.
"""

from __future__ import annotations

import sys

from tests.job_schedules.play import play
from tests.support.schedules import main

if __name__ == "__main__":
    sys.exit(main(play, "tests.job_schedules", __doc__))
