"""The examples of every `--help`, carried out in the order of a life cycle on a real sandbox."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ert_deploy.cli.examples import EXAMPLES
from ert_deploy.cli.view.sandbox import NOTICE
from tests.e2e.conftest import SAMPLE, Place

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
ORDER = (
    "offers", "plan", "state history", "up", "status", "doctor", "report", "ask", "connection", "proxy", "agent",
    "events", "cost", "cost advise", "logs", "restart", "ssh", "exec", "adopt", "ignore", "destroy",
    "key", "key rotate", "key list", "key generate", "key revoke", "key vast",
    "state", "state show", "state lock", "state unlock", "state sign", "state rebuild", "reap",
    "sleep", "wake", "render-yaml", "slo", "notify", "notify test", "image", "image build", "image push",
    "sandbox status", "sandbox break", "sandbox record", "down", "completion", "sandbox", "sandbox start",
    "sandbox stop", "init", "",
)  # fmt: skip
LACKING = {
    "plan -c my-app --exit-code": 4,  # there is something to do
    "agent -c my-app": 2,  # no key that apps show
    "agent -c my-app --gpu-only --listen 0.0.0.0:10000": 2,
    "cost advise -c my-app": 1,  # too few requests so far
    "cost advise -c my-app --wait-price 0.1": 1,
    "ssh -c my-app -- nvidia-smi": 2,  # launch/debug_ssh is off
    "adopt 51234567 -c my-app": 2,  # no such instance, and no terminal to confirm on
    "ignore 51234567 -c my-app": 2,
    "destroy 51234567 -c my-app": 2,
    "exec -c my-app -- nvidia-smi": 2,
    "report --follow AAPL-1f0c -c my-app": 2,  # no such report
    "key revoke 433bad46 -c my-app": 2,  # no such key
    "key vast -c my-app": 2,  # the config names no file
    "state sign -c my-app": 2,  # no key to sign with
    "slo --prometheus http://127.0.0.1:9090": 5,  # no server
    "slo --prometheus http://127.0.0.1:9090 --days 7 --json": 5,
    "notify test -c my-app": 2,  # no address
    "image push -c my-app": 1,  # no Docker engine
    "image build --tag ghcr.io/me/ert-llm-backend:0.1.0": 1,
    "sandbox record -c my-app --out account.json": 2,  # no terminal to confirm on
    "sandbox start --app . --health /up": 2,  # no app in this folder
    "init": 2,  # no terminal to prompt on
    "init my-app": 2,
    "init my-app --defaults --max-dph 0.45": 2,  # it is there already
    "init my-app --url https://llm.example.org/v1 --model qwen3:8b": 2,
}
DRIVER = """
import json, sys
from ert_deploy.cli import main
for line in json.load(sys.stdin):
    print("$", *line)
    try:
        main(line)
    except SystemExit as ended:
        print("=", ended.code or 0, flush=True)
"""


def test_the_order_has_every_example() -> None:
    assert sorted(ORDER) == sorted(EXAMPLES)


def test_they_run_and_do_what_they_are_for(place: Place) -> None:
    (place.folder / "configs").mkdir()
    (place.folder / "configs" / "my-app.yaml").write_text(SAMPLE.read_text())
    written = [line for path in ORDER[:-1] for line in EXAMPLES[path] if line.startswith("ert-deploy ")]
    lines = [shlex.split(line)[1:] for line in written]
    place.extra["DOCKER_HOST"] = f"unix://{place.folder}/nothing.sock"
    done = subprocess.run(
        [sys.executable, "-c", DRIVER], input=json.dumps(lines), cwd=place.folder, env=place.environ(),
        capture_output=True, text=True, timeout=250, check=True,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    shown = done.stdout.split("\n$ ")
    codes = {one.partition("\n")[0].removeprefix("$ "): int(one.rpartition("\n= ")[2]) for one in shown}
    wrong = {line: code for line, code in codes.items() if code != LACKING.get(line, 0)}
    assert wrong == {}, done.stderr
    assert len(codes) == len({tuple(line) for line in lines})
    said = {one.partition("\n")[0].removeprefix("$ "): one.partition("\n")[2] for one in shown}
    for line in ("offers -c my-app --limit 5", "plan -c my-app"):
        assert said[line].startswith(NOTICE), line
    assert "(sandbox: no real money)" in said["status -c my-app"].partition("\n")[0]
    assert "ert-sandbox is down: no instance of it exists" in said["down -c my-app"]
    assert said["sandbox stop"].splitlines()[-2] == "nothing running"
    assert not Path(place.folder, "account.json").exists()
