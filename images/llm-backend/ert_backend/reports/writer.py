"""Writer client: starts the writer process on demand, exchanges steps with it, and kills it at its limits.

The event loop of the service never parses a supplied text or a model's output: both are passed to the process. Its cost
is limited by the kernel (see `worker`), the duration of one step by `patience`, the size of one by `LARGEST`. A process
that exceeds any of these is killed, and the next report gets a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ert_backend.engine.protocol import EngineFailed
from ert_backend.reports.job import TooCostly, WriterBroke, WriterLost
from ert_backend.reports.steps import Answer, Ask, Begin, Done, Step, Tell, Unwritten, decoded, encoded

COMMAND = (sys.executable, "-m", "ert_backend.reports.worker")
# Environment variables of the process: those needed to run Python, and no secrets.
PASSED = ("PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")
HEAD, LARGEST = 4, 2**21
PATIENCE = 120.0


class Writer:
    """At most one process with one report at a time. `started` is the number of processes so far."""

    def __init__(self, command: Sequence[str] = COMMAND, patience: float = PATIENCE) -> None:
        self.command, self.patience, self.started = command, patience, 0
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def write(
        self,
        begin: Begin,
        ask: Callable[[Ask], Awaitable[Answer]],
        tell: Callable[[str, dict[str, object]], None],
    ) -> dict[str, Any]:
        """Write the report; raise TooCostly, WriterLost, WriterBroke or EngineFailed, or the errors of `ask`."""
        async with self._turn:
            said = await self._exchanged(begin, tell)
            while isinstance(said, Ask):
                said = await self._exchanged(await ask(said), tell)
        match said:
            case Done():
                return dict(said.report)
            case Unwritten(broken=""):
                raise EngineFailed(said.text)
            case Unwritten(broken=kind):
                raise WriterBroke(kind)
            case _:
                raise WriterLost("the writing process spoke out of turn")

    async def start(self) -> None:
        """Start the process in advance; raise OSError when it cannot be started."""
        async with self._turn:
            await self._running()

    async def close(self) -> None:
        """Kill the process."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            # Also reads the remaining output, so that the pipes are closed.
            await process.communicate()

    async def _exchanged(self, step: Step, tell: Callable[[str, dict[str, object]], None]) -> Step:
        """Send one step and return the next one. On an interruption the process is killed, as its state is unknown."""
        try:
            async with asyncio.timeout(self.patience):
                return await self._heard(step, tell)
        except TimeoutError:
            await self.close()
            raise WriterLost(f"the writing process was silent for {self.patience:.0f} s") from None
        except (OSError, RuntimeError, EOFError, ValueError, TypeError, KeyError) as error:
            raise await self._reason(error) from None
        except BaseException:
            await self.close()
            raise

    async def _heard(self, step: Step, tell: Callable[[str, dict[str, object]], None]) -> Step:
        process = await self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        text = encoded(step)
        process.stdin.write(len(text).to_bytes(HEAD, "big") + text)
        await process.stdin.drain()
        while True:
            size = int.from_bytes(await process.stdout.readexactly(HEAD), "big")
            if size > LARGEST:
                raise ValueError("more than a report can be")
            said = decoded(await process.stdout.readexactly(size))
            if not isinstance(said, Tell):
                return said
            tell(said.name, dict(said.data))

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is not None:
            await self.close()
        if self._process is None:
            pipe, none = subprocess.PIPE, subprocess.DEVNULL
            self._process = await asyncio.create_subprocess_exec(
                *self.command, stdin=pipe, stdout=pipe, stderr=none, env=environment(os.environ)
            )
            self.started += 1
        return self._process

    async def _reason(self, error: Exception) -> Exception:
        """Return the error of a lost process: its processor time was exceeded, or any other cause."""
        process = self._process
        if process is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 1.0)
        await self.close()
        code = process.returncode if process is not None else None
        if code == -signal.SIGXCPU:
            return TooCostly("this request needs more processor time than a report may take")
        return WriterLost(f"the writing process ended ({type(error).__name__}, status {code})")


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment needed to run this package."""
    paths = (str(Path(__file__).parents[2]), given.get("PYTHONPATH", ""))
    passed = {name: given[name] for name in PASSED if name in given}
    return {**passed, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
