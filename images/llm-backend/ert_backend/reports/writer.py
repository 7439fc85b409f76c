"""The process that writes reports, from the side of the service: started when needed, asked, ended when it overruns.

The service's own loop never reads a supplied text or a model's answer: it hands both over. What the process costs is
bounded by the kernel (see `worker`), how long one step takes by `patience`, what it says by `LARGEST`. A process that
broke any of these is killed, and the next report gets a new one.
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
# What the process gets of the environment: how to run, and nothing that anybody has to keep.
PASSED = ("PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")
HEAD, LARGEST = 4, 2**21
PATIENCE = 120.0


class Writer:
    """At most one process, and one report in it at a time. `started`: how many there have been."""

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
        """The report. TooCostly, WriterLost, WriterBroke, EngineFailed where there is none, and what `ask` raises."""
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
        """Have the process there before it is needed; OSError when it cannot be started."""
        async with self._turn:
            await self._running()

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            # Reads what is left, too: the pipes are closed with it.
            await process.communicate()

    async def _exchanged(self, step: Step, tell: Callable[[str, dict[str, object]], None]) -> Step:
        """Say one step and hear what comes of it. Whoever is interrupted in between cannot know where it stands."""
        try:
            async with asyncio.timeout(self.patience):
                return await self._heard(step, tell)
        except TimeoutError:
            await self.close()
            raise WriterLost(f"the writing process said nothing for {self.patience:.0f} s") from None
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
        """Why there is no answer: the kernel ended it for its processor time, or something else did."""
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
    """The environment of the process: what it takes to run this package."""
    paths = (str(Path(__file__).parents[2]), given.get("PYTHONPATH", ""))
    passed = {name: given[name] for name in PASSED if name in given}
    return {**passed, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
