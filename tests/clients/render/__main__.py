"""Drive the sandbox's Render with third-party clients, unmodified: `python -m tests.clients.render NAME=PROGRAM...`.

`sdk` is Render's own SDK, in both profiles. `prism` (Stoplight's proxy) checks each of the SDK's requests and each
response by the OpenAPI, `schemathesis` makes requests of its own from it; both use the profile `spec_strict` and need
the OpenAPI beside the repository. `ERT_PRISM` is the directory with Prism's packages. Exit code 0: every client
found what is expected; 1: one did not; 2: wrong usage.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import requests

from ert_deploy.sandbox.render.models import Profile
from ert_deploy.sandbox.runtime.servers import free_port
from tests.clients.render.known import CHECKS_OFF, LEFT_ALONE, SDK, UNDOCUMENTED
from tests.clients.render.openapi import cut_down
from tests.support.render.world import KEY, World, running, until

HERE = Path(__file__).parent
CONTRACTS = Path(os.environ.get("ERT_SHARED") or HERE.parents[2] / ".." / "shared") / "contracts"
PRISM = Path(os.environ.get("ERT_PRISM") or HERE.parent / "prism").absolute()
PRISM /= "node_modules/@stoplight/prism-cli/dist/index.js"
PATIENCE = 300
EXAMPLES = 4
PROFILES: tuple[Profile, ...] = ("as_recorded", "spec_strict")


def told(name: str, *, holds: bool) -> bool:
    """Print the verdict on one client and return it."""
    sys.stdout.write(f"{name}: {'holds' if holds else 'FAILS'}\n")
    sys.stdout.flush()
    return holds


def driven(interpreter: str, world: World, profile: Profile, url: str) -> bool:
    """Run the SDK against `url`; return whether every operation behaved as expected."""
    env = {
        "PATH": os.environ.get("PATH", ""),
        "RENDER_URL": url,
        "RENDER_KEY": KEY,
        "RENDER_OWNER": world.double.owner_id,
        "RENDER_SERVICE": world.service,
        "RENDER_EXCEPTIONS": json.dumps(sorted(SDK[profile])),
        "NO_PROXY": "127.0.0.1",
    }
    done = subprocess.run([interpreter, "-I", str(HERE / "sdk.py")], env=env, timeout=PATIENCE, check=False)
    return done.returncode == 0


def sdk(interpreter: str, _: str) -> bool:
    """Run Render's SDK against both profiles."""
    results = []
    for profile in PROFILES:
        with running(profile=profile) as world:
            results.append(told(f"SDK, {profile}", holds=driven(interpreter, world, profile, world.double.url)))
    return all(results)


def schema_for(world: World, folder: Path, ids: dict[str, str]) -> Path:
    """Write the OpenAPI of what the sandbox has."""
    schema = json.loads((CONTRACTS / "render-openapi.json").read_text())
    whole = cut_down(schema, ids, LEFT_ALONE, UNDOCUMENTED)
    file = folder / "openapi.json"
    file.write_text(json.dumps(whole))
    assert world.get("/users")
    return file


def prism(node: str, interpreter: str) -> bool:
    """Run the SDK through Prism, which returns 422 or 500 in place of whatever the OpenAPI does not allow."""
    with running(profile="spec_strict") as world, tempfile.TemporaryDirectory() as folder:
        file, port = schema_for(world, Path(folder), {}), free_port()
        proxy = f"{PRISM} proxy {file} {world.double.url} --errors --host 127.0.0.1 --port {port}".split()
        with (Path(folder) / "log").open("w") as log:
            process = subprocess.Popen([node, *proxy], stdout=log, stderr=log)
        try:
            until(lambda: answers(f"http://127.0.0.1:{port}/users"))
            holds = driven(interpreter, world, "spec_strict", f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait()
    return told("Prism, between the SDK and spec_strict", holds=holds)


def answers(url: str) -> bool:
    """Whether a server is reachable at an address."""
    try:
        requests.get(url, timeout=5)
    except requests.ConnectionError:
        return False
    return True


def schemathesis(program: str, _: str) -> bool:
    """Have Schemathesis make requests from the OpenAPI, valid and invalid ones, with ids that exist."""
    with running(speed=2000.0, profile="spec_strict") as world, tempfile.TemporaryDirectory() as folder:
        file = schema_for(world, Path(folder), filled(world))
        options = {
            "--url": world.double.url,
            "--header": f"Authorization: Bearer {KEY}",
            "--checks": "all",
            "--exclude-checks": ",".join(CHECKS_OFF),
            "--phases": "examples,fuzzing",
            "--max-examples": str(EXAMPLES),
            "--warnings": "off",
            "--suppress-health-check": "all",
            "--request-timeout": "20",
        }
        flags = ["--exclude-deprecated", "--generation-deterministic", "--no-shrink", "--continue-on-failure"]
        command = [program, "run", str(file), *(word for pair in options.items() for word in pair), *flags]
        started = time.monotonic()
        done = subprocess.run(command, cwd=folder, timeout=PATIENCE, check=False)
        sys.stdout.write(f"{time.monotonic() - started:.0f} s\n")
    return told("Schemathesis, spec_strict", holds=done.returncode == 0)


def filled(world: World) -> dict[str, str]:
    """Give the workspace one of each resource; return the ids by the names of the parameters of the OpenAPI."""
    owner: dict[str, Any] = {"name": "one", "ownerId": world.double.owner_id, "plan": "free"}
    files = [{"name": "one.txt", "content": "1"}]
    variables = [{"key": "KEEP", "value": "1"}]
    world.call("PUT", "{s}/secret-files", json=files)
    world.call("POST", "{s}/custom-domains", json={"name": "app.example.com"})
    group = world.call("POST", "/env-groups", json={**owner, "envVars": variables, "secretFiles": files})
    return {
        "serviceId": world.service,
        "ownerId": world.double.owner_id,
        "deployId": world.get("{s}/deploys")[0]["deploy"]["id"],
        "envGroupId": group.json()["id"],
        "postgresId": world.call("POST", "/postgres", json={**owner, "version": "16"}).json()["id"],
        "keyValueId": world.call("POST", "/key-value", json=owner).json()["id"],
        "envVarKey": "KEEP",
        "secretFileName": "one.txt",
        "customDomainIdOrName": "app.example.com",
    }


CLIENTS: dict[str, Callable[[str, str], bool]] = {"sdk": sdk, "prism": prism, "schemathesis": schemathesis}


def main(arguments: Sequence[str]) -> int:
    """Return 0 when every client passes, 1 when one fails, 2 for unknown arguments or without the OpenAPI."""
    given = dict(word.partition("=")[::2] for word in arguments)
    if not given or set(given) - set(CLIENTS) or ("prism" in given and "sdk" not in given):
        sys.stderr.write("usage: python -m tests.clients.render sdk=PYTHON [prism=NODE] [schemathesis=PROGRAM]\n")
        return 2
    given = {name: str(Path(program).absolute()) if "/" in program else program for name, program in given.items()}
    if set(given) != {"sdk"} and not CONTRACTS.is_dir():
        sys.stderr.write(f"Render's OpenAPI is not in {CONTRACTS}; ERT_SHARED names another place\n")
        return 2
    return 0 if all([CLIENTS[name](program, given.get("sdk", "")) for name, program in given.items()]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
