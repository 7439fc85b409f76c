"""Launch modes: without `debug_ssh` not a byte changes; with it `onstart` runs the commands of the ENTRYPOINT."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ert_deploy.adapters.clock import RealClock
from ert_deploy.core.model.desired import Launch
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Address
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import CreateOrder
from ert_deploy.providers.vast import parse
from ert_deploy.providers.vast.client import VastHost
from ert_deploy.providers.vast.onstart import MAX_ONSTART, ONSTART
from ert_deploy.sandbox.httpd.server import Reply, Request, Router, Server

DOCKERFILE = (Path(__file__).resolve().parents[2] / "images" / "llm-backend" / "Dockerfile").read_text()
LAUNCH = Launch("img/backend:1", "gpt-oss:20b", disk_gb=40)
AS_EVER = (
    b'{"client_id": "me", "image": "img/backend:1", "env": {"-p 8443:8443": "1", "ERT_IDLE_STOP": "1200", '
    b'"ERT_BOOT_DEADLINE": "2700", "ERT_MAX_LIFETIME": "43200", "ERT_VAST_API": "URL"}, "price": null, "disk": 40, '
    b'"label": "ert1:ert:0123456789abcdef0123456789abcdef", "extra": null, "onstart": null, "image_login": null, '
    b'"python_utf8": false, "lang_utf8": false, "use_jupyter_lab": false, "jupyter_dir": null, "force": false, '
    b'"cancel_unavail": true, "template_hash_id": null, "user": null, "runtype": "args"}'
)


def payload(launch: Launch) -> bytes:
    """Return the body of the create call as sent."""
    sent: list[Request] = []

    def answer(request: Request) -> Reply:
        sent.append(request)
        return Reply.json({"success": True, "new_contract": 1})

    router = Router()
    router.add("PUT", "/api/v0/asks/{id}/", "create", answer)
    server = Server(router).start()
    try:
        limits = {"ERT_IDLE_STOP": "1200", "ERT_BOOT_DEADLINE": "2700", "ERT_MAX_LIFETIME": "43200"}
        order = CreateOrder("5", launch, Mark("ert", "0123456789abcdef" * 2), {"-p 8443:8443": "1", **limits})
        VastHost(Secret("k"), server.url, RealClock()).create(order)
    finally:
        server.stop()
    return sent[0].body.replace(server.url.encode(), b"URL")


def test_without_debug_ssh_the_create_call_is_what_it_was_byte_for_byte() -> None:
    assert payload(LAUNCH) == AS_EVER


def test_with_debug_ssh_only_the_mode_and_the_start_differ() -> None:
    body = json.loads(payload(replace(LAUNCH, debug_ssh=True)))
    assert body == {**json.loads(AS_EVER), "runtype": "ssh_direct", "onstart": ONSTART}
    assert len(ONSTART) <= MAX_ONSTART


def test_the_start_script_agrees_with_the_dockerfile() -> None:
    (entry,) = re.findall(r"^ENTRYPOINT (\[.*\])$", DOCKERFILE, re.MULTILINE)
    (folder,) = re.findall(r"^WORKDIR (\S+)$", DOCKERFILE, re.MULTILINE)
    (number,) = re.findall(r"^USER (\d+):\d+$", DOCKERFILE, re.MULTILINE)
    (user,) = re.findall(rf"useradd --uid {number} [^\n]*/nologin (\w+)", DOCKERFILE)
    assert entry in ONSTART
    assert f"cd {folder} ||" in ONSTART
    assert f'getpwnam("{user}")' in ONSTART


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_the_start_script_starts_the_guard_in_the_background(tmp_path: Path, shell: str) -> None:
    package = tmp_path / "ert_backend"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "guard.py").write_text(
        "import json, os, sys\n"
        "print(json.dumps([os.getcwd(), os.environ['ERT_TOKEN'], sys.orig_argv[1:], sys.stdin.read()]), flush=True)\n"
    )
    here = (
        ONSTART.replace("cd /app", f"cd {shlex.quote(str(tmp_path))}")
        .replace("/usr/local/bin:", f"{Path(sys.executable).parent}:")
        .replace("/proc/1/", "/proc/self/")
    )
    program = shutil.which(shell)
    assert program is not None
    environment = {"PATH": "/usr/bin:/bin", "ERT_TOKEN": "canary-in-the-environment"}
    done = subprocess.run(
        [program, "-c", here], env=environment, capture_output=True, text=True, timeout=20, check=True
    )
    *_, said = done.stdout.splitlines()
    assert json.loads(said) == [str(tmp_path), "canary-in-the-environment", ["-m", "ert_backend.guard"], ""]
    assert "canary-in-the-environment" not in here


DIRECT = {"22/tcp": [{"HostIp": "0.0.0.0", "HostPort": "40022"}]}


@pytest.mark.parametrize(
    ("changes", "shell"),
    [
        ({}, Address("ssh4.vast.ai", 12345)),
        ({"image_runtype": "ssh ssh_direc ssh_proxy"}, Address("ssh4.vast.ai", 12345)),
        ({"ports": DIRECT, "public_ipaddr": "203.0.113.9\n"}, Address("203.0.113.9", 40022)),
        ({"ports": DIRECT, "public_ipaddr": "203.0.113.9", "ssh_host": None}, Address("203.0.113.9", 40022)),
        ({"image_runtype": "args"}, None),
        ({"image_runtype": None}, None),
        ({"ssh_host": None}, None),
        ({"ssh_host": "-oProxyCommand=x"}, None),
        ({"ssh_host": "a b"}, None),
        ({"ssh_port": None}, None),
        ({"ssh_port": 0}, None),
        ({"ssh_port": 70000}, None),
        ({"ssh_port": True}, None),
    ],
)
def test_where_the_shell_is_is_read_from_the_row(changes: dict[str, object], shell: Address | None) -> None:
    row = {"id": 1, "image_runtype": "ssh_direct", "ssh_host": "ssh4.vast.ai", "ssh_port": 12345, **changes}
    assert parse.instance(row).shell == shell
