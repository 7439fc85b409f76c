"""A world full of secrets, and commands in it whose every trace is looked through.

Each kind of secret that the program may hold or see is there: keys of the providers, what a listing shows, what an app
has among its variables, logins of registries, proxies and stores, and what lies about on a machine.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import resource
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from ert_deploy.sandbox.httpd.faults import Fault
from tests.kills.stage import Stage as World
from tests.kills.stage import stage as world_with_standins
from tests.secrets.hunt import ArgumentWatch, Hunt
from tests.support.doubles import docker_engine_api, moto_s3

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "ert_deploy.cli")
DOCKER, DATABASE = "password in docker's config", "app's database password"
ADMIN = b"ert-backend admin 1"
KEPT = ("PATH", "LANG", "SSL_CERT_FILE")


@dataclass
class Stage:
    """A running world and one folder from which commands are given. `extra` is the environment of every command."""

    world: World
    hunt: Hunt
    engine: docker_engine_api.FakeEngine
    s3: Any
    bucket: str
    extra: dict[str, str]
    ended: list[tuple[tuple[str, ...], int, str]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.world.desk.folder

    def run(
        self,
        *words: str,
        prepare: Callable[[], None] | None = None,
        stdout: int = subprocess.PIPE,
        kill: tuple[float, signal.Signals] | None = None,
        command: tuple[str, ...] = COMMAND,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """One command to its end, or to a signal; everything it wrote is looked through and given back."""
        process = subprocess.Popen(
            [*command, *words],
            cwd=self.folder,
            env={**{name: os.environ[name] for name in KEPT if name in os.environ}, **self.extra, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            preexec_fn=prepare,  # noqa: PLW1509 (it sets a limit and nothing else)
        )
        if kill is not None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(kill[0])
            process.send_signal(kill[1])
        out, err = process.communicate(timeout=300)
        for kind, data in (("stdout", out or b""), ("stderr", err)):
            self.hunt.look(kind, " ".join(words), data.decode(errors="replace"))
        said = (out or b"").decode(errors="replace") + err.decode(errors="replace")
        self.ended.append((words, process.returncode, said))
        return said

    def sweep(self) -> None:
        """Look through what is kept: the files of the folder, and the objects of the bucket."""
        self.hunt.look_into("files", self.folder)
        for version in self.s3.list_object_versions(Bucket=self.bucket).get("Versions", ()):
            chosen = {"Bucket": self.bucket, "Key": version["Key"], "VersionId": version["VersionId"]}
            body = self.s3.get_object(**chosen)["Body"].read()
            self.hunt.look("S3", version["Key"], body.decode(errors="replace"))

    def learn(self) -> None:
        """The secrets that only exist once a machine is rented."""
        for contract in self.world.contracts():
            if boot := contract.order.env.get("ERT_BOOT_SECRET"):
                admin = hmac.new(bytes.fromhex(boot), ADMIN, hashlib.sha256).hexdigest()
                self.hunt.know({f"boot secret of {contract.id}": boot, f"admin token of {contract.id}": admin})
            self.hunt.know({f"Jupyter token of {contract.id}": contract.key[::-1]})
        if app_key := self.world.variables().get("ERT_LLM_API_KEY"):
            self.hunt.know({f"API key {hashlib.sha256(app_key.encode()).hexdigest()[:8]}": app_key})

    def vast(self, **trouble: Any) -> None:
        """A trouble of the Vast double."""
        self.world.vast.trouble(trouble)

    def render(self, **trouble: Any) -> None:
        """A trouble of the Render double."""
        self.world.render.trouble(trouble)

    def fault(self, provider: str, **fault: Any) -> None:
        """One answer of a double that is not what it should be."""
        getattr(self.world, provider).faults.add(Fault(**fault))

    def backend_says(self, text: str) -> None:
        """What the machines' own program says of itself from now on."""
        (self.world.folder / "says").write_text(text)

    def calm(self) -> None:
        """No fault and no trouble any more."""
        self.world.vast.faults.clear()
        self.world.render.faults.clear()
        self.world.vast.trouble({"kind": "calm"})
        self.backend_says("")

    def another(self, **env: str) -> None:
        """Rent a machine of somebody else's in the same account, whose variables and script every listing shows."""
        headers = {"Authorization": f"Bearer {self.world.file.vast_key}"}
        url = f"{self.world.file.vast_url}/api/v0"
        free = {"limit": 40, "rented": {"eq": False}}
        offers = requests.post(f"{url}/bundles/", json=free, headers=headers, timeout=10).json()["offers"]
        script = f"docker login -u me -p {self.hunt.secrets['login in a script']} registry.example"
        order = {"client_id": "me", "image": "somebody/else:1", "disk": 10, "runtype": "args", "label": "theirs"}
        body = {**order, "env": env, "onstart": script}
        self.world.world.clock.sleep(5.0)  # as often as Vast takes a create
        requests.put(f"{url}/asks/{offers[-1]['id']}/", json=body, headers=headers, timeout=10).raise_for_status()
        self.world.world.clock.sleep(5.0)


def planted() -> dict[str, str]:
    """Fresh secrets that are there before any command runs, by what they are."""
    drawn = {
        "registry password": "reg/pw+" + secrets.token_urlsafe(18),
        "password in docker's config": "dock=" + secrets.token_hex(12),
        "proxy password": "pr@xy%41" + secrets.token_urlsafe(15),
        "S3 secret key": base64.b64encode(secrets.token_bytes(30)).decode(),
        "S3 session token": base64.b64encode(secrets.token_bytes(48)).decode(),
        "netrc password": "netrc-" + secrets.token_urlsafe(18),
        "account-wide token": "hf_" + secrets.token_urlsafe(24),
        "account-wide password": "p<a&s'" + secrets.token_urlsafe(18),
        "login in a script": "dckr_pat_" + secrets.token_urlsafe(20),
        "app's payment key": "sk_live_" + secrets.token_hex(16),
        "app's database password": "db" + secrets.token_urlsafe(18),
        "app's session key": secrets.token_hex(32),
        "job's token": "ghs_" + secrets.token_urlsafe(27),
        "state key": base64.b64encode(secrets.token_bytes(32)).decode(),
    }
    assert len({*drawn.values()}) == len(drawn)
    return drawn


def _environment(drawn: dict[str, str], home: Path, engine: str, s3: str) -> dict[str, str]:
    home.mkdir()
    auth = base64.b64encode(f"me:{drawn[DOCKER]}".encode()).decode()
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": {"other.example": {"auth": auth}}}))
    proxy = quote(drawn["proxy password"], safe="")
    return {
        "HOME": str(home),
        "DOCKER_HOST": engine,
        "ERT_REGISTRY_USERNAME": "me",
        "ERT_REGISTRY_PASSWORD": drawn["registry password"],
        "HTTPS_PROXY": f"http://me:{proxy}@127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": drawn["S3 secret key"],
        "AWS_SESSION_TOKEN": drawn["S3 session token"],
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": s3,
        "AWS_EC2_METADATA_DISABLED": "true",
        "GITHUB_TOKEN": drawn["job's token"],
        "ERT_STATE_KEY": drawn["state key"],
        "ERT_CONFIG": "kills.yaml",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",  # on a full disk only half a module would be written, and be read for ever
    }


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """A world with all of it in an empty folder, until the block ends."""
    hunt, drawn = Hunt(), planted()
    hunt.know(drawn)
    engine = docker_engine_api.FakeEngine()
    nobody: Any = None  # commands are started from here
    with world_with_standins(folder / "all", nobody) as world, engine, moto_s3.running() as url, ArgumentWatch(hunt):
        hunt.know({"Vast.ai key": world.file.vast_key, "Render key": world.file.render_key})
        client = moto_s3.client(url)
        extra = _environment(drawn, folder / "home", engine.host, url)
        stage = Stage(world, hunt, engine, client, moto_s3.bucket(client), extra)
        stage.render(kind="foreign_env", set={
            "STRIPE_SECRET_KEY": drawn["app's payment key"],
            "DATABASE_URL": f"postgres://app:{drawn[DATABASE]}@db.example/app",
            "SECRET_KEY": drawn["app's session key"],
        })  # fmt: skip
        stage.another(HF_TOKEN=drawn["account-wide token"], DB_PASSWORD=drawn["account-wide password"])
        yield stage
        client.close()


def on_a_full_disk() -> None:
    """No file may grow beyond 100 bytes, as on a disk that is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


def with_core_dumps() -> None:
    """A crash may leave all memory behind, as far as the machine lets it."""
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


@contextmanager
def full() -> Iterator[int]:
    """A file that is full before anything is written."""
    opened = os.open("/dev/full", os.O_WRONLY)
    try:
        yield opened
    finally:
        os.close(opened)
