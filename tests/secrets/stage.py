"""Test environment with random secrets: local providers, and commands whose output and files are searched.

It contains each type of secret that a command may read: provider keys, values in listings and in the environment of an
app, logins of registries, proxies and stores, and files on the local machine.
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
    """Running providers and the working directory of the commands. `extra`: variables of every command."""

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
        """Run a command until it exits or gets a signal; search the output and return it."""
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
        """Search the files of the directory and the objects of the bucket."""
        self.hunt.look_into("files", self.folder)
        for version in self.s3.list_object_versions(Bucket=self.bucket).get("Versions", ()):
            chosen = {"Bucket": self.bucket, "Key": version["Key"], "VersionId": version["VersionId"]}
            body = self.s3.get_object(**chosen)["Body"].read()
            self.hunt.look("S3", version["Key"], body.decode(errors="replace"))

    def learn(self) -> None:
        """Add the keys and tokens of the rented machines to the search."""
        for contract in self.world.contracts():
            if boot := contract.order.env.get("ERT_BOOT_SECRET"):
                admin = hmac.new(bytes.fromhex(boot), ADMIN, hashlib.sha256).hexdigest()
                self.hunt.know({f"boot secret of {contract.id}": boot, f"admin token of {contract.id}": admin})
            self.hunt.know({f"Jupyter token of {contract.id}": contract.key[::-1]})
        if app_key := self.world.variables().get("ERT_LLM_API_KEY"):
            self.hunt.know({f"API key {hashlib.sha256(app_key.encode()).hexdigest()[:8]}": app_key})

    def vast(self, **trouble: Any) -> None:
        """Set a fault of the Vast double."""
        self.world.vast.trouble(trouble)

    def render(self, **trouble: Any) -> None:
        """Set a fault of the Render double."""
        self.world.render.trouble(trouble)

    def fault(self, provider: str, **fault: Any) -> None:
        """Add an invalid response of a double."""
        getattr(self.world, provider).faults.add(Fault(**fault))

    def backend_says(self, text: str) -> None:
        """Set the status text of the backends."""
        (self.world.folder / "says").write_text(text)

    def calm(self) -> None:
        """Remove all faults."""
        self.world.vast.faults.clear()
        self.world.render.faults.clear()
        self.world.vast.trouble({"kind": "calm"})
        self.backend_says("")

    def another(self, **env: str) -> None:
        """Rent a machine of another owner, with passwords in the listed variables and script."""
        headers = {"Authorization": f"Bearer {self.world.file.vast_key}"}
        url = f"{self.world.file.vast_url}/api/v0"
        free = {"limit": 40, "rented": {"eq": False}}
        offers = requests.post(f"{url}/bundles/", json=free, headers=headers, timeout=10).json()["offers"]
        script = f"docker login -u me -p {self.hunt.secrets['login in a script']} registry.example"
        order = {"client_id": "me", "image": "somebody/else:1", "disk": 10, "runtype": "args", "label": "theirs"}
        body = {**order, "env": env, "onstart": script}
        self.world.world.clock.sleep(5.0)  # rate limit of Vast for create calls
        requests.put(f"{url}/asks/{offers[-1]['id']}/", json=body, headers=headers, timeout=10).raise_for_status()
        self.world.world.clock.sleep(5.0)


def planted() -> dict[str, str]:
    """Return new secrets that exist before the first command, by description."""
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
        "app's token to wake": "github_pat_" + secrets.token_urlsafe(40),
        "job's token": "ghs_" + secrets.token_urlsafe(27),
        "password of a webhook": "hook-" + secrets.token_urlsafe(18),
        "secret of the machines' keys": secrets.token_hex(32),
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
        "ERT_MACHINE_SECRET": drawn["secret of the machines' keys"],
        "ERT_CONFIG": "kills.yaml",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",  # a truncated .pyc file from a full disk would be reused
    }


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Start the stage in an empty directory; stop it on exit."""
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
            "ERT_WAKE_TOKEN": drawn["app's token to wake"],
        })  # fmt: skip
        stage.another(HF_TOKEN=drawn["account-wide token"], DB_PASSWORD=drawn["account-wide password"])
        yield stage
        client.close()


def on_a_full_disk() -> None:
    """Limit the size of files to 100 bytes, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


def with_core_dumps() -> None:
    """Enable core dumps up to the hard limit."""
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


@contextmanager
def full() -> Iterator[int]:
    """Open `/dev/full`, where every write fails."""
    opened = os.open("/dev/full", os.O_WRONLY)
    try:
        yield opened
    finally:
        os.close(opened)
