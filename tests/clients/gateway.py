"""Gateway of the agent before a real backend, for clients: its machine sleeps until it is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Event, Timer

from ert_deploy.agent.gateway.bounds import Bounds
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.verdict.starts import Policy
from tests.support.agent.alone import Elsewhere
from tests.support.agent.gateway import KEY, passing
from tests.support.agent.served import LONG
from tests.support.agent.shared import shared
from tests.support.backend.rig import KEY as BACKEND_KEY
from tests.support.backend.rig import Backend
from tests.support.certificates.ip_bound import Pair
from tests.support.fakes.sleep import asleep

SCRIPT = Path(__file__).with_name("gateway_python.py")
# What each part needs: seconds until the machine has started, and the limits of the gateway.
SOON = Bounds(comment=0.2, again=0.05, held_whole=0.5, retry_after=1)
PARTS: dict[str, tuple[float, Bounds]] = {
    "stream": (1.5, SOON),
    "whole": (1.5, SOON),
    "limited": (1.5, SOON),
    "late": (4.0, Bounds(comment=0.2, held_stream=1.0)),
}


def ask(interpreter: str, backend: Backend, part: str) -> bool:
    """Run one part of the client and print the result; return whether it holds."""
    wait, bounds = PARTS[part]
    made, go = asleep(), Event()

    def before(_port: str, method: str) -> None:
        assert method != "start" or go.wait(LONG)

    deployment = shared(made, before)
    if part == "limited":  # it was rented within the hour
        deployment = replace(deployment, settings=replace(deployment.settings, policy=Policy(wakes_per_hour=1)))
    there = Elsewhere(Pair(backend.identity.certificate.read_text(), ""), address=backend.url)
    with passing(deployment, there, bounds=bounds) as through:
        through.keys = [Secret(BACKEND_KEY)]
        Timer(wait, go.set).start()
        env = {"PATH": os.environ.get("PATH", ""), "OPENAI_BASE_URL": through.url, "OPENAI_API_KEY": KEY.reveal()}
        done = subprocess.run([interpreter, str(SCRIPT), part], env=env, timeout=120, check=False)
        go.set()
    sys.stdout.write(f"gateway, {part:8s} {'holds' if done.returncode == 0 else 'FAILS'}\n")
    sys.stdout.flush()
    return done.returncode == 0
