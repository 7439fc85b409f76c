"""Drive the sandbox's Render with third-party clients: `python -m tests.clients.render sdk=INTERPRETER`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ert_deploy.sandbox.render.models import Profile
from tests.clients.render.known import SDK
from tests.support.render.world import KEY, running

HERE = Path(__file__).parent
SPEED = 200.0
PATIENCE = 300
PROFILES: tuple[Profile, ...] = ("as_recorded", "spec_strict")


def sdk(interpreter: str, profile: Profile) -> bool:
    """Run Render's SDK against one profile; return whether every operation behaved as expected."""
    with running(speed=SPEED, profile=profile) as world:
        env = {
            "PATH": os.environ.get("PATH", ""),
            "RENDER_URL": world.double.url,
            "RENDER_KEY": KEY,
            "RENDER_OWNER": world.double.owner_id,
            "RENDER_SERVICE": world.service,
            "RENDER_EXCEPTIONS": json.dumps(sorted(SDK[profile])),
            "NO_PROXY": "127.0.0.1",
        }
        done = subprocess.run([interpreter, "-I", str(HERE / "sdk.py")], env=env, timeout=PATIENCE, check=False)
    sys.stdout.write(f"SDK, {profile}: {'holds' if done.returncode == 0 else 'FAILS'}\n")
    sys.stdout.flush()
    return done.returncode == 0


def main(arguments: Sequence[str]) -> int:
    """Return 0 when every client passes, 1 when one fails, 2 for unknown arguments."""
    given = dict(word.partition("=")[::2] for word in arguments)
    if set(given) != {"sdk"}:
        sys.stderr.write("usage: python -m tests.clients.render sdk=INTERPRETER\n")
        return 2
    return 0 if all([sdk(given["sdk"], profile) for profile in PROFILES]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
