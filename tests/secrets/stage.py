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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from ert_deploy.sandbox.world import daemon
from tests.e2e.conftest import COMMAND, Place
from tests.secrets.hunt import ArgumentWatch, Hunt
from tests.support.doubles import docker_engine_api, moto_s3

SPEED = 60.0
DOCKER, DATABASE = "password in docker's config", "app's database password"
ADMIN = b"ert-backend admin 1"
# The sandbox's own folder holds its double's secrets; the rest is where the person keeps hers.
BELONGS = (".ert/sandbox/", "home/")


@dataclass
class Stage:
    """A place with a running world. `extra` is the environment of every command."""

    place: Place
    hunt: Hunt
    engine: docker_engine_api.FakeEngine
    s3: Any
    bucket: str
    extra: dict[str, str]
    ended: list[tuple[tuple[str, ...], int, str]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.place.folder

    def run(
        self,
        *words: str,
        prepare: Callable[[], None] | None = None,
        stdout: int = subprocess.PIPE,
        kill: tuple[float, signal.Signals] | None = None,
        command: tuple[str, ...] = tuple(COMMAND),
        **extra: str,
    ) -> str:
        """One command to its end, or to a signal; everything it wrote is looked through and given back."""
        process = subprocess.Popen(
            [*command, *words],
            cwd=self.folder,
            env={**self.place.environ(), **self.extra, **extra},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            preexec_fn=prepare,  # noqa: PLW1509 (it sets a limit and nothing else)
        )
        if kill is not None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(kill[0])
            process.send_signal(kill[1])
        out, err = process.communicate(timeout=200)
        for kind, data in (("stdout", out or b""), ("stderr", err)):
            self.hunt.look(kind, " ".join(words), data.decode(errors="replace"))
        said = (out or b"").decode(errors="replace") + err.decode(errors="replace")
        self.ended.append((words, process.returncode, said))
        return said

    def sweep(self) -> None:
        """Look through what is kept: files, objects, and what an app shows to anybody."""
        self.hunt.look_into("files", self.folder, but=BELONGS)
        for key in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", ()):
            body = self.s3.get_object(Bucket=self.bucket, Key=key["Key"])["Body"].read()
            self.hunt.look("S3", key["Key"], body.decode(errors="replace"))
        for path in ("/", "/health", "/api/deployment", "/api/status", "/api/reports"):
            with suppress(requests.RequestException):
                answer = requests.get(self.place.world.app_url + path, timeout=10)
                self.hunt.look("browser", path, f"{answer.headers}{answer.text}")

    def learn(self) -> None:
        """The secrets that only exist once a machine is rented."""
        key = {"Authorization": f"Bearer {self.place.world.vast_key}"}
        page = requests.get(f"{self.place.world.vast_url}/api/v1/instances/", headers=key, timeout=10).json()
        for row in page["instances"]:
            env = dict(row["extra_env"])
            if boot := env.get("ERT_BOOT_SECRET"):
                admin = hmac.new(bytes.fromhex(boot), ADMIN, hashlib.sha256).hexdigest()
                self.hunt.know(**{f"boot secret of {row['id']}": boot, f"admin token of {row['id']}": admin})
            token = str(row["jupyter_token"])
            self.hunt.know(**{f"token of {row['id']}": token, f"container key of {row['id']}": token[::-1]})
        if app_key := self.place.variables().get("ERT_LLM_API_KEY"):
            self.hunt.know(**{f"API key {hashlib.sha256(app_key.encode()).hexdigest()[:8]}": app_key})

    def calm(self) -> None:
        """No fault and no trouble any more."""
        for provider in ("vast", "render"):
            self.place.fault(provider=provider, clear=True)
        self.place.trouble(provider="vast", kind="calm")

    def another(self, **env: str) -> None:
        """Rent a machine of somebody else's in the same account, whose variables every listing shows."""
        offers = requests.post(
            f"{self.place.world.vast_url}/api/v0/bundles/",
            json={"limit": 1},
            headers={"Authorization": f"Bearer {self.place.world.vast_key}"},
            timeout=10,
        ).json()["offers"]
        body = {
            "image": "somebody/else:1", "disk": 10, "runtype": "args", "env": env,
            "onstart": f"docker login -u me -p {self.hunt.secrets['login in a script']} registry.example",
        }  # fmt: skip
        requests.put(
            f"{self.place.world.vast_url}/api/v0/asks/{offers[-1]['id']}/",
            json=body,
            headers={"Authorization": f"Bearer {self.place.world.vast_key}"},
            timeout=10,
        ).raise_for_status()


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
    proxy = requests.utils.quote(drawn["proxy password"], safe="")
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
    }


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """A world with all of it, until the block ends."""
    hunt, drawn = Hunt(), planted()
    hunt.know(**drawn)
    world_folder = folder / ".ert" / "sandbox"
    engine = docker_engine_api.FakeEngine()
    place = Place(folder, daemon.start(world_folder, SPEED, model="toy"))
    try:
        with engine, moto_s3.running() as url, ArgumentWatch(hunt):
            client = moto_s3.client(url)
            hunt.know(**{"Vast.ai key": place.world.vast_key, "Render key": place.world.render_key})
            extra = _environment(drawn, folder / "home", engine.host, url)
            stage = Stage(place, hunt, engine, client, moto_s3.bucket(client), extra)
            place.trouble(provider="render", kind="foreign_env", set={
                "STRIPE_SECRET_KEY": drawn["app's payment key"],
                "DATABASE_URL": f"postgres://app:{drawn[DATABASE]}@db.example/app",
                "SECRET_KEY": drawn["app's session key"],
            })  # fmt: skip
            stage.another(HF_TOKEN=drawn["account-wide token"], DB_PASSWORD=drawn["account-wide password"])
            yield stage
            client.close()
    finally:
        daemon.stop(world_folder)


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
