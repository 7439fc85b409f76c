"""Debian's own Prometheus on a free port, with series that promtool has written into its store beforehand."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.support.dashboard.following import until

BLOCK = "--max-block-duration=2000h"  # one pass over the text; for blocks of 2 h it is read for each
RETENTION = "--storage.tsdb.retention.time=400d"
PROGRAM, TOOL = shutil.which("prometheus"), shutil.which("promtool")


@dataclass(frozen=True)
class Series:
    """One series: name with labels, and its samples as Unix time and value, in the order of time."""

    name: str
    samples: Iterable[tuple[float, float]]


def written(folder: Path, series: Iterable[Series]) -> Path:
    """Write the series into a store in the folder and return it."""
    assert TOOL is not None
    lines = [f"{one.name} {value} {at:.0f}" for one in series for at, value in one.samples]
    text, store = folder / "series.txt", folder / "store"
    text.write_text("\n".join([*lines, "# EOF\n"]))
    command: list[str | Path] = [TOOL, "tsdb", "create-blocks-from", BLOCK, "openmetrics", text, store]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return store


@contextmanager
def running(folder: Path, series: Iterable[Series]) -> Iterator[str]:
    """Run a server with these series, which scrapes nothing, until the block ends; yield its address."""
    config = folder / "prometheus.yml"
    config.write_text("scrape_configs: []\n")
    with configured(config, written(folder, series)) as url:
        yield url


@contextmanager
def configured(config: Path, store: Path) -> Iterator[str]:
    """Run a server with a config and a store, which may not exist yet; yield its address."""
    assert PROGRAM is not None
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    url, said = f"http://127.0.0.1:{port}", config.with_name("log")
    listen = f"--web.listen-address=127.0.0.1:{port}"
    command = [PROGRAM, f"--config.file={config}", f"--storage.tsdb.path={store}", RETENTION, listen]
    with said.open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            until(lambda: server.poll() is not None or _ready(url), 30)
            assert server.poll() is None, said.read_text()
            yield url
        finally:
            server.terminate()
            server.wait(20)


def _ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/ready", timeout=2).status_code == 200
    except requests.ConnectionError:
        return False
