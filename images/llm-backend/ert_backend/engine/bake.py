"""Model baking: downloads a model into the image during its build. Not used at run time.

    python -m ert_backend.engine.bake MODEL

Only for hosts that cache the image: a layer of 14 GB is pulled slowly by Docker, while Ollama's own download at boot is
parallel, resumable and has progress. At boot a baked model is found like any model on the disk.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence

from ert_backend.engine.bring_up import BringUp, Phase, fetch
from ert_backend.engine.ollama import Ollama, session
from ert_backend.engine.protocol import EngineError
from ert_backend.guard import settings as guard_settings

STALL = 120.0
PATIENCE = 60.0


async def bake(model: str, address: str) -> None:
    """Download the model with the Ollama server at `address`; raise EngineError when that fails."""
    async with session(f"http://{address}") as client:
        engine = Ollama(client, context=512, num_predict=16)
        async with asyncio.timeout(PATIENCE):
            while not await _answers(engine):
                await asyncio.sleep(0.2)
        state = BringUp(model, Phase.PULLING)
        found = await fetch(state, engine, STALL)
        sys.stdout.write(f"{found.name} ({found.digest[:19]}, {found.size} bytes) is in the image\n")


async def _answers(engine: Ollama) -> bool:
    try:
        await engine.version()
    except EngineError:
        return False
    return True


def main(arguments: Sequence[str]) -> int:
    """Run the command; return 0 when the model is on the disk, 1 when it is not, 2 for invalid usage."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m ert_backend.engine.bake MODEL\n")
        return 2
    settings = guard_settings.load(os.environ)
    environment = guard_settings.ollama_environment(os.environ, settings)
    serving = subprocess.Popen(settings.ollama, env=environment, stdin=subprocess.DEVNULL)
    try:
        asyncio.run(bake(arguments[0], environment["OLLAMA_HOST"]))
    except (EngineError, TimeoutError) as error:
        sys.stderr.write(f"{arguments[0]} could not be put into the image: {error or 'Ollama did not start'}\n")
        return 1
    finally:
        serving.terminate()
        serving.wait(30)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
