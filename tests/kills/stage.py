"""Test environment for one run: local servers for both providers, scripts for backend and app, and their billing.

The servers run in this process, so that costs are read exactly from the meters instead of by polling.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import requests

from ert_deploy.sandbox.render.server import RenderDouble
from ert_deploy.sandbox.vast.contract import Contract
from ert_deploy.sandbox.vast.options import Options
from ert_deploy.sandbox.vast.server import VastDouble
from ert_deploy.sandbox.world import file as world_file
from ert_deploy.sandbox.world.file import WorldFile
from ert_deploy.sandbox.world.paths import images_folder
from ert_deploy.sandbox.world.world import Setting, World
from tests.kills.runner import Ended, Nursery
from tests.kills.standin_backend import CERTIFICATES
from tests.support.certificates.ip_bound import pair
from tests.support.doubles import moto_s3

HERE = Path(__file__).resolve().parent
SPEED = 500.0
DEPLOYMENT = "ert-kills"
KEY = f"{DEPLOYMENT}.json"
REAL = os.environ.get("ERT_KILLS_APPS") == "real"
ALONE = (sys.executable, "-I", "-S")
CONFIG = """\
deployment: ert-kills
owner: the-kills
ignored_instances: {ignored}
replicas: {replicas}
sandbox: {{world: {world}, speed: {speed:g}}}
launch:
  image: sandbox/ert-llm-backend:0.1.0
  model: toy:0.5m
  context: {context}
  disk_gb: 10
  guard: {{idle_stop: 24h, boot_deadline: 24h, max_lifetime: 48h}}
offer: {{max_dph: 0.60, gpu_ram: 24GB}}
plan: {{hours: 2}}
timings:
  poll: 2m
  settle: 31m
  call_within: 20m
  no_progress: 1h
  boot_limit: 6h
  drain: 75s
  deploy_limit: 2h
  prove_limit: 1h
  deny: 6h
  start_lag: 4m
  wake_grace: 1h
render: {{services: [{{name: ert-dashboard, timeout: 10m}}]}}
state: {state}
"""


@dataclass
class Desk:
    """Working directory for commands, with config and state, as on one machine."""

    folder: Path
    nursery: Nursery
    extra: dict[str, str] = field(default_factory=dict)
    s3: Any = None
    bucket: str = ""

    def environ(self) -> dict[str, str]:
        """Return the environment variables of a command."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        own = {"HOME": str(self.folder), "PYTHONPATH": str(HERE.parents[1]), "ERT_CONFIG": "kills.yaml"}
        return {**kept, **own, **self.extra}

    @property
    def journal(self) -> Path:
        return self.folder / "effects.txt"

    def effects(self) -> list[str]:
        """Return the names of the effects of the last command, in order."""
        return self.journal.read_text().split() if self.journal.exists() else []

    def run(self, *command: str, number: int | str = 0, when: str = "after") -> Ended:
        """Run one command, with SIGKILL at the effect with the given number, or at the first one of that name."""
        self.journal.unlink(missing_ok=True)
        env = {**self.environ(), "ERT_KILLS_JOURNAL": str(self.journal)}
        return self.nursery.run(number, when, list(command), self.folder, env)

    def ert(self, *command: str, code: int = 0) -> Ended:
        """Run one command. Raises AssertionError if its exit code is not `code`."""
        ended = self.run(*command)
        assert ended.code == code, f"{command} ended with {ended.code}, not {code}:\n{ended.said}"
        assert "Traceback" not in ended.said, ended.said
        return ended

    def configure(self, world: Path, *, context: int = 8192, ignored: tuple[int, ...] = (), replicas: int = 1) -> None:
        """Write the config of all commands in this directory."""
        state = f"s3://{self.bucket}/{KEY}" if self.bucket else "state.json"
        text = CONFIG.format(
            world=world, speed=SPEED, context=context, state=state, ignored=list(ignored), replicas=replicas
        )
        (self.folder / "kills.yaml").write_text(text)

    def state(self) -> dict[str, Any]:
        """Return the stored state; empty if there is none."""
        if self.bucket:
            text = _object(self.s3, self.bucket)
        else:
            path = self.folder / "state.json"
            text = path.read_text() if path.exists() else ""
        found: dict[str, Any] = json.loads(text or "{}")
        return found

    def lose_state(self) -> None:
        """Delete the stored state."""
        if self.bucket:
            self.s3.delete_object(Bucket=self.bucket, Key=KEY)
        else:
            (self.folder / "state.json").unlink()


@dataclass
class Stage:
    """Running servers, and the `Desk` from which commands are started."""

    folder: Path
    nursery: Nursery
    world: World
    file: WorldFile
    vast: VastDouble
    render: RenderDouble
    desk: Desk
    unrelated: dict[str, str] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        return self.folder / "world"

    def another_desk(self, name: str) -> Desk:
        """Return a `Desk` in another directory, as on another machine."""
        desk = Desk(self.folder / name, self.nursery)
        desk.folder.mkdir()
        desk.configure(self.directory)
        return desk

    def keep_state_in(self, s3: Any, bucket: str, endpoint: str) -> None:
        """Configure the first `Desk` to store its state in an S3 bucket at `endpoint`."""
        self.desk.s3, self.desk.bucket = s3, bucket
        self.desk.extra |= {"AWS_ENDPOINT_URL_S3": endpoint, **moto_s3.KEYS}
        self.desk.configure(self.directory)

    def point_at(self, vast_url: str | None = None, render_url: str | None = None) -> None:
        """Configure the URLs of the providers, for example of a proxy."""
        changed = replace(
            self.file, vast_url=vast_url or self.file.vast_url, render_url=render_url or self.file.render_url
        )
        world_file.save(self.directory, changed)

    def contracts(self) -> list[Contract]:
        """Return all instances including deleted ones, oldest first."""
        estate = self.vast._estate
        with estate.lock:
            estate.tick()
            return list(estate.contracts.values())

    def ours(self) -> list[Contract]:
        """Return all instances of the deployment including deleted ones, oldest first."""
        return [c for c in self.contracts() if c.order.env.get("ERT_DEPLOYMENT") == DEPLOYMENT]

    def existing(self) -> list[Contract]:
        """Return the existing instances of the deployment; a stopped one still has disk costs."""
        return [c for c in self.ours() if c.destroyed is None]

    def strangers(self) -> list[Contract]:
        """Rent two unrelated instances, one of them with a copy of the label but without the environment."""
        url, key = self.file.vast_url, {"Authorization": f"Bearer {self.file.vast_key}"}
        free = {"limit": 40, "rented": {"eq": False}}
        found = requests.post(f"{url}/api/v0/bundles/", json=free, headers=key, timeout=10).json()["offers"]
        for ask, label in zip(found[-2:], ("training", f"ert1:{DEPLOYMENT}:{'a' * 32}"), strict=True):
            body = {
                "client_id": "me",
                "image": "their/image:1",
                "env": {},
                "disk": 10,
                "label": label,
                "runtype": "args",
            }
            self.world.clock.sleep(5.0)  # rate limit of Vast for create calls
            requests.put(f"{url}/api/v0/asks/{ask['id']}/", json=body, headers=key, timeout=10).raise_for_status()
        self.world.clock.sleep(5.0)
        return [c for c in self.contracts() if c not in self.ours()]

    def variables(self) -> dict[str, str]:
        """Return all variables of the service."""
        store = self.render._store
        with store.lock:
            return {name: one.value for name, one in store.services[self.file.service_id].env.items()}

    def most_at_once(self) -> int:
        """Return the maximum number of instances of the deployment at any time, by their meters."""
        moments: list[tuple[float, int]] = []
        for contract in self.ours():
            moments.append((contract.created, 1))
            if contract.destroyed is not None:
                moments.append((contract.destroyed, -1))
        now = most = 0
        for _, step in sorted(moments):
            now += step
            most = max(most, now)
        return most


def _object(s3: Any, bucket: str) -> str:
    try:
        return str(s3.get_object(Bucket=bucket, Key=KEY)["Body"].read().decode())
    except s3.exceptions.NoSuchKey:
        return ""


@contextmanager
def stage(folder: Path, nursery: Nursery, *, seed: int = 1, **options: Any) -> Iterator[Stage]:
    """Start a new `Stage` in an empty directory, with the market of a seed; stop everything on exit."""
    made: dict[str, Any] = {}

    def make_vast(setting: Setting) -> VastDouble:
        made["vast"] = _vast(setting, folder / "certificates", options)
        return made["vast"]  # type: ignore[no-any-return]

    def make_render(setting: Setting) -> RenderDouble:
        made["render"] = _render(setting)
        return made["render"]  # type: ignore[no-any-return]

    folder.mkdir(parents=True, exist_ok=True)
    images = images_folder() if REAL else folder / "images"
    images.mkdir(exist_ok=True)
    makers: Any = {"make_vast": make_vast, "make_render": make_render}
    world = World(folder / "world", speed=SPEED, seed=seed, images=images, **makers)
    with world:
        assert world.file is not None
        desk = Desk(folder / "desk", nursery)
        desk.folder.mkdir()
        desk.configure(folder / "world")
        one = Stage(folder, nursery, world, world.file, made["vast"], made["render"], desk)
        one.unrelated = one.variables()
        yield one
    shutil.rmtree(folder, ignore_errors=True)


def _vast(setting: Setting, certificates: Path, options: dict[str, Any]) -> VastDouble:
    make = partial(
        VastDouble,
        setting.clock,
        setting.directory / "vast",
        setting.vast_key,
        images=setting.images,
        seed=setting.seed,
    )
    if REAL:
        return make(models=_toy(), options=Options(**options))
    certificates.mkdir()
    for number in range(CERTIFICATES):
        own = pair(DEPLOYMENT, number=number)
        (certificates / f"{number}.pem").write_text(own.pem + own.key)
    set_up = Options(machine_env={"ERT_KILLS_CERTIFICATES": str(certificates)}, **options)
    return make(command=[*ALONE, str(HERE / "standin_backend.py")], options=set_up)


def _toy() -> Path:
    from ert_deploy.sandbox.ollama.weights import default_cache, toy_model

    return toy_model(default_cache()).path.parent


def _render(setting: Setting) -> RenderDouble:
    where = setting.directory / "render"
    if REAL:
        return RenderDouble(setting.clock, where, setting.render_key, images=setting.images)
    app = [*ALONE, str(HERE / "standin_app.py")]
    return RenderDouble(setting.clock, where, setting.render_key, images=setting.images, command=lambda _: app)
