"""A recorded deployment of an earlier release, running in the current sandbox: its data, and its own code.

The contract has the original port and a copy of the disk, the service has the original ids and variables, and the
reports are at the app's path. Both providers are those of the current sandbox. Only one can run on a machine at a
time, because of the fixed ports; the next one waits for it.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ert_deploy.sandbox.ollama.weights import default_cache, toy_model
from ert_deploy.sandbox.render.process import DASHBOARD, shell
from ert_deploy.sandbox.render.server import RenderDouble
from ert_deploy.sandbox.runtime.machines import Ports
from ert_deploy.sandbox.vast.contract import Order
from ert_deploy.sandbox.vast.market import DAY, Ask
from ert_deploy.sandbox.vast.options import Options
from ert_deploy.sandbox.vast.server import VastDouble
from ert_deploy.sandbox.world.file import WorldFile
from ert_deploy.sandbox.world.paths import images_folder
from ert_deploy.sandbox.world.world import RENDER, VAST, Setting, World
from tests.support.upgrade.key_pair import write_private_key

SPEED = 60.0
# A model that replies at once: these tests check which server is used, not the text it writes.
SCRIPT = {"models": [{"name": "toy:0.5m", "installed": True, "context_length": 131072}]}
LOCK, LOCK_SECONDS = "ert-upgrade-world.lock", 200.0
GUNICORN = "gunicorn -k gthread -w 1 --threads 100 --no-control-socket"  # an earlier release does not start itself


@dataclass(frozen=True)
class Recording:
    """The recorded files of a release: `folder` is the recording, `programs` the unpacked release."""

    folder: Path
    programs: Path

    @property
    def images(self) -> Path:
        """Return the directory of the release's backend and dashboard."""
        return images_folder(self.programs / "ert_deploy")

    @property
    def instance(self) -> dict[str, Any]:
        """Return the contract in the provider's format."""
        return self._json("instance.json")

    @property
    def service(self) -> dict[str, Any]:
        """Return the service: `id`, `name`, `deploy` and `variables`."""
        return self._json("service.json")

    def states(self) -> list[Path]:
        """Return the paths of the state files."""
        return sorted((self.folder / "state").glob("*.json"))

    def _json(self, name: str) -> dict[str, Any]:
        value: dict[str, Any] = json.loads((self.folder / name).read_text())
        return value


@dataclass(frozen=True)
class Restored:
    """A running restored deployment: `user` is the operator's directory, with config and state file."""

    user: Path
    world: WorldFile
    vast: VastDouble
    render: RenderDouble

    def machine_processes(self) -> dict[int, int]:
        """Return the process of each instance that has one."""
        return self.vast.pids()

    def app_process(self) -> int:
        """Return the process that serves the app."""
        (service,) = self.render.inspect()["services"]
        return int(next(i["pid"] for i in service["instances"] if i["role"] == "serving"))


def unpacked(folder: Path, target: Path) -> Recording:
    """Return the recording in `folder`, with its code unpacked into `target`."""
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return Recording(folder, target)


@contextmanager
def restored(
    recording: Recording, room: Path, *, asleep: bool = False, dashboard: Path | None = None
) -> Iterator[Restored]:
    """Run the recorded deployment in `room`, running or `asleep`; `dashboard` replaces its images.

    Raise OSError when one of the ports is in use.
    """
    user, disk, reports = room / "user", room / "disk", room / "reports"
    (user / ".ert").mkdir(parents=True, mode=0o700)
    config = (recording.folder / "ert.yaml").read_text()
    # The line that the current version requires to be changed: its value is shorter than a late call takes.
    (user / "ert.yaml").write_text(config.replace("settle: 4m ", "settle: 13m", 1))
    state = recording.folder / "state" / ("asleep.json" if asleep else "running.json")
    shutil.copy(state, user / ".ert" / "ert-sandbox.json")
    shutil.copytree(recording.folder / "disk", disk)
    shutil.copytree(recording.folder / "reports", reports)
    write_private_key(disk)
    made: list[Any] = []

    def make_vast(setting: Setting) -> VastDouble:
        made.append(_vast(setting, recording, disk, running=not asleep))
        return made[-1]  # type: ignore[no-any-return]

    def make_render(setting: Setting) -> RenderDouble:
        made.append(_Render(setting, recording, dashboard or recording.images, reports / "reports.sqlite"))
        return made[-1]  # type: ignore[no-any-return]

    toy = replace(toy_model(default_cache()), name=_variables(recording)["ERT_MODEL"])
    world = World(user / ".ert" / "sandbox", speed=SPEED, model=toy, make_vast=make_vast, make_render=make_render)
    with _alone(), world:
        assert world.file is not None
        yield Restored(user, world.file, made[0], made[1])


def _vast(setting: Setting, recording: Recording, disk: Path, *, running: bool) -> VastDouble:
    """Return the sandbox's Vast with the recorded contract, whose machine runs the code of the release."""
    assert setting.model is not None
    row, variables = recording.instance, _variables(recording)
    port = urlsplit(variables["ERT_VAST_API"]).port
    assert port is not None
    ports = {inside: int(outside[0]["HostPort"]) for inside, outside in row["ports"].items()}
    free = Ports()
    for needed in (port, *ports.values()):
        free.claim(needed)  # raises with the port number before any server is started
    script = disk.parent / "ollama.json"
    script.write_text(json.dumps(SCRIPT))
    double = VastDouble(
        setting.clock,
        setting.directory / VAST,
        setting.vast_key,
        images=recording.images,
        models=setting.model.path.parent,
        options=Options(port=port, machine_env={"ERT_OLLAMA_SCRIPT": str(script)}),
    )
    order = Order(
        image=row["image_uuid"],
        env=variables,
        disk=row["disk_space"],
        runtype=row["image_runtype"],
        label=row["label"],
        args=tuple(row["image_args"]),
        onstart=row["onstart"],
    )
    ask = _ask(row, double.asks(), setting.clock.now())
    double.add_instance(ask, order, id=row["id"], ports=ports, disk=disk, running=running)
    return double


def _ask(row: Mapping[str, Any], market: tuple[Ask, ...], now: float) -> Ask:
    """Return the rented offer: a current offer with the original host, card and prices."""
    alike = next(ask for ask in market if ask.card.name == row["gpu_name"] and ask.sensible(now))
    figures = {name: row[name] for name in ("machine_id", "host_id", "dph_base", "storage_cost", "inet_down_cost")}
    return replace(alike, **figures, end_date=now + 100 * DAY)


def _variables(recording: Recording) -> dict[str, str]:
    return dict(recording.instance["extra_env"])


class _Render(RenderDouble):
    """The sandbox's Render with the recorded service only; its reports are on a persistent disk."""

    def __init__(self, setting: Setting, recording: Recording, images: Path, database: Path) -> None:
        runs_itself = any(images.rglob("ert_dashboard/__main__.py"))

        def command(port: int) -> list[str]:
            start = DASHBOARD if runs_itself else f"{GUNICORN} --bind 127.0.0.1:{port} wsgi:app"
            return ["env", f"ERT_DASHBOARD_DB={database}", *shell(start)]

        directory, key = setting.directory / RENDER, setting.render_key
        super().__init__(setting.clock, directory, key, images=images, command=command)
        self._recorded = recording.service

    def add_service(self, name: str, env: Mapping[str, str], **_: Any) -> str:
        recorded = self._recorded
        ids = {"service_id": recorded["id"], "deploy_id": recorded["deploy"]["id"]}
        return super().add_service(recorded["name"], recorded["variables"], **ids)


@contextmanager
def _alone() -> Iterator[None]:
    """Hold a lock during the block that one process of this machine can have; raise OSError when it is not released."""
    pause = threading.Event()
    with (Path(tempfile.gettempdir()) / LOCK).open("w") as file:
        for _ in range(int(LOCK_SECONDS / 0.2)):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pause.wait(0.2)
            else:
                break
        else:
            raise OSError(f"another restored world has held {file.name} for {LOCK_SECONDS:g} s")
        yield
