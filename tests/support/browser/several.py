"""Two instances of the dashboard, with one database and one key value store, behind a round robin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.browser.rig import Running
from tests.support.dashboard.processes import RoundRobin

PASSWORD = "correct horse battery"


class TwoInstances:
    """Stands in for `Running`: `url` is the round robin's."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self.instances: list[Running] = []
        for name in ("one", "other"):
            (folder / name).mkdir()
            self.instances.append(Running({**environ, "RENDER_INSTANCE_ID": name}, folder / name))
        self.url = ""

    @contextmanager
    def serving(self) -> Iterator[TwoInstances]:
        """Run both and the round robin."""
        try:
            self.start()
            with RoundRobin([one.port for one in self.instances]).serving() as proxy:
                self.url = f"http://127.0.0.1:{proxy.port}"
                yield self
        finally:
            self.stop()

    def start(self) -> None:
        for one in self.instances:
            one.start()

    def stop(self) -> None:
        for one in self.instances:
            one.stop()

    def log(self) -> str:
        return "".join(one.log() for one in self.instances)
