"""The guard's off-switch and the app's ledger over one `Board`, for tests that need no machine processes."""

from __future__ import annotations

import os
from pathlib import Path

from ert_backend.base.activity import Activity, Ledger, read_guard, write_activity
from ert_backend.base.claim import Claim
from ert_backend.base.clock import MoneyClock, boot_seconds
from ert_backend.guard import settings as guard_settings
from ert_backend.guard.off_switch import Switch
from ert_backend.guard.settings import GuardSettings
from tests.support.backend.one_board import OneBoard

TOKEN = "0123456789abcdef0123456789abcdef"


def settings_for(folder: Path, url: str = "http://127.0.0.1:9", **env: str) -> GuardSettings:
    given = {"CONTAINER_ID": "4711", "CONTAINER_API_KEY": "instance-key", "ERT_DATA_DIR": str(folder)}
    return guard_settings.load({**given, "ERT_VAST_API": url, "ERT_TOKEN": TOKEN, **env})


class Machine:
    """An off-switch whose clock has run for `age` money seconds, with the activity ledger of the app."""

    def __init__(self, settings: GuardSettings, age: float, alive: bool = True) -> None:
        self.said: list[str] = []
        self.alive = alive
        self.board = OneBoard()
        clock, claim = MoneyClock(1000.0, boot_seconds() - age / 1000.0), Claim(settings.data_dir, TOKEN)
        self.switch = Switch(settings, clock, self.said.append, self.lives, self.board, claim)
        self.switch.read_disk()
        self.ledger = Ledger(self.board, settings.run, TOKEN, settings.data_dir)

    def lives(self, pid: int) -> bool:
        return self.alive and pid == os.getpid()

    def another_app(self) -> None:
        """Replace the app by a new one, as after a crash that the guard has noticed."""
        self.switch.note()
        self.ledger = Ledger(self.board, self.switch.settings.run, TOKEN, self.switch.settings.data_dir)

    def draining(self) -> bool:
        word = read_guard(self.board, self.switch.settings.run)
        return word is not None and word.drain

    def record(self, **moments: float) -> None:
        """Write the activity that an app of this run would report at this moment."""
        said = {"run": self.switch.settings.run, "pid": os.getpid(), "at": boot_seconds()} | moments
        write_activity(self.board, Activity(**said))  # type: ignore[arg-type]
