"""Watch: the state of one booting instance over several observations, and whether it is behind its expected curve."""

from __future__ import annotations

from enum import IntEnum

from ert_deploy.core.model.quick_dataclass import quick_dataclass


class LaunchStage(IntEnum):
    """Stage of a launch, in order. Load includes the smoke test, of which the backend reports nothing separately."""

    RENT = 0
    PULL = 1
    BOOT = 2
    DOWNLOAD = 3
    LOAD = 4
    READY = 5


# Names, as a lookup in an enum takes longer than a call on Python 3.11.
RENT, PULL, BOOT, DOWNLOAD, LOAD, READY = LaunchStage


class Lag(IntEnum):
    """Whether a launch is behind: a second machine is worth its price then. Late: it is given up.

    Overtaken: nothing is wrong with it, and another one is expected to be healthy so much sooner that it is given up.
    """

    NONE = 0
    BEHIND = 1
    LATE = 2
    OVERTAKEN = 3


NO_LAG, BEHIND, LATE, OVERTAKEN = Lag


@quick_dataclass
class Watch:
    """State of one booting instance: the time of its last progress, failures in a row, and the last observation.

    `stage` is the latest stage that was seen, entered at `entered` with `arrived` bytes of the model on the disk.
    `why` explains a `lag`. `moves` are the changes seen in this stage, `pulled` the seconds until the image was there.
    `steady` means that this machine was awake since the observation before.
    """

    mark: str
    since: float
    strikes: int = 0
    seen: float = float("inf")
    stage: LaunchStage = LaunchStage.RENT
    entered: float = 0.0
    arrived: int = 0
    lag: Lag = Lag.NONE
    why: str = ""
    moves: int = 0
    pulled: float = 0.0
    steady: bool = False
