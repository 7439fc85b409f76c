"""One container of the image, run like on Vast.ai: environment, one published port, its own disk."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from ert_deploy.adapters.backend.probe import TlsBackendProbe
from ert_deploy.adapters.clock import SystemEntropy
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Address, Health
from ert_deploy.core.model.secret import Secret
from tests.support.backend.rig import ENV, KEY, SECRET
from tests.support.image.docker_engine import Engine

INSTANCE_KEY = "instance-key-of-the-test"


@dataclass
class Container:
    """A running container and its published port."""

    engine: Engine
    id: str
    port: int

    def probe(self) -> Health:
        """Return the result of the regular backend probe: identity first, then health over the verified certificate."""
        mark = Mark(ENV["ERT_DEPLOYMENT"], ENV["ERT_TOKEN"])
        prober = TlsBackendProbe(SystemEntropy(), allow_loopback=True)
        return prober.probe(Address("127.0.0.1", self.port), mark, Secret(SECRET), "")

    @contextmanager
    def client(self, certificate: str) -> Iterator[httpx.Client]:
        """Yield a client that trusts only that certificate."""
        import ssl

        tls = ssl.create_default_context(cadata=certificate)
        with httpx.Client(
            base_url=f"https://127.0.0.1:{self.port}",
            verify=tls,
            trust_env=False,
            timeout=60,
            headers={"Authorization": f"Bearer {KEY}"},
        ) as session:
            yield session

    def inside(self, *command: str) -> str:
        return self.engine.says("exec", self.id, *command)

    @property
    def details(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.engine.says("inspect", self.id))[0]
        return found

    @property
    def log(self) -> str:
        return self.engine.run("logs", self.id).stdout


@contextmanager
def container(engine: Engine, image: str, **env: str) -> Iterator[Container]:
    """Run a container with all optional privileges removed; remove it afterwards, including its disk."""
    name, volume = f"ert-test-{secrets.token_hex(4)}", f"ert-test-{secrets.token_hex(4)}"
    given = {
        **{name: value for name, value in ENV.items() if name != "ERT_BIND"},
        "CONTAINER_ID": "4711",
        "CONTAINER_API_KEY": INSTANCE_KEY,
        "ERT_VAST_API": "http://127.0.0.1:9",
        **env,
    }
    variables = [word for key, value in given.items() for word in ("-e", f"{key}={value}")]
    hardened = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    engine.run(
        "run", "-d", "--pull", "never", "--name", name, "-p", "127.0.0.1::8443", "-v", f"{volume}:/data",
        *hardened, *variables, image,
    )  # fmt: skip
    try:
        published = engine.says("port", name, "8443/tcp").splitlines()[0]
        yield Container(engine, name, int(published.rpartition(":")[2]))
    finally:
        engine.run("rm", "-f", name)
        engine.run("volume", "rm", "-f", volume)
