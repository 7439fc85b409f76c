"""Manager of the two processes: supervisor, which is given their variables in memory and never in a file.

The agent is a fork that executes nothing, so that there is no moment at which it could be read. The dashboard executes
Python with its own variables alone.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from supervisor import events
from supervisor.medusa.asyncore_25 import ExitNow
from supervisor.options import ServerOptions
from supervisor.states import SupervisorStates
from supervisor.supervisord import Supervisor

from ert_deploy.agent.beside.private import be_private, end_with, take_environ
from ert_deploy.agent.beside.shares import Shares, shared

AGENT, DASHBOARD, MODULE = "agent", "dashboard", "ert_dashboard"
STEADY = 5  # seconds after which a start has succeeded; before, each pause is a second longer than the last
STARTS = 5  # of the dashboard, after which the service exits, so that its host knows
WITHOUT_END = 10**9
STOPS_WITHIN = 20  # seconds after SIGTERM; Render gives 30
TOLD = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR2)

CONFIG = """\
[supervisord]
nodaemon=true
nocleanup=true
minprocs=1
logfile=/dev/null
logfile_maxbytes=0
pidfile={pidfile}
[group:service]
programs={agent},{dashboard}
[program:{agent}]
command={python} {agent}
startretries={without_end}
{same}
[program:{dashboard}]
command={python} -m ert_deploy.agent.beside.entry {pid} {module} {names}
directory={folder}
startretries={starts}
{same}
"""
SAME = f"""\
autorestart=true
startsecs={STEADY}
stopwaitsecs={STOPS_WITHIN}
killasgroup=true
redirect_stderr=true
stdout_logfile=NONE
stdout_events_enabled=true
"""


def run(folder: Path, agent: Callable[[], int]) -> bool:
    """Keep `agent` and the dashboard in `folder` up until SIGTERM or SIGINT.

    Returns whether that was the reason; False if the dashboard did not start. `agent` returns an exit code, and is
    called in a process of its own. Takes the variables of this process. Raises OSError.
    """
    be_private()
    parts = shared(take_environ())
    os.environ.update(parts.both)
    with tempfile.TemporaryDirectory(prefix="ert-beside-") as room:
        options = _Options(agent)
        options.realize(["-n", "-c", _written(Path(room), folder, sorted(parts.agent))], doc="")
        options.given(parts)
        options.first, options.test = True, False
        with suppress(ExitNow):
            _Kept(options).main()
        options.close_logger()
    return not options.gave_up


def _written(room: Path, folder: Path, names: Sequence[str]) -> str:
    """Write the config of the manager, which has the `names` of the agent's variables only, and return its path."""
    path, python = room / "supervisord.conf", shlex.quote(sys.executable)
    values = {"folder": folder.resolve(), "pidfile": room / "pid", "python": python, "names": shlex.join(names)}
    text = CONFIG.format(
        **{name: str(value).replace("%", "%%") for name, value in values.items()},
        agent=AGENT, dashboard=DASHBOARD, module=MODULE, pid=os.getpid(), starts=STARTS, without_end=WITHOUT_END,
        same=SAME,
    )  # fmt: skip
    path.write_text(text, encoding="utf-8")
    return str(path)


class _Options(ServerOptions):  # type: ignore[misc]
    """Settings of the manager; `execve` is called in the new process."""

    gave_up = False

    def __init__(self, agent: Callable[[], int]) -> None:
        super().__init__()
        self._agent, self._manager = agent, os.getpid()

    def given(self, parts: Shares) -> None:
        """Hand each process its own variables; both have those of this process besides."""
        own = {AGENT: parts.agent, DASHBOARD: parts.dashboard}
        for group in self.process_group_configs:
            for config in group.process_configs:
                config.environment = own[config.name]

    def execve(self, filename: str, argv: list[str], env: dict[str, str]) -> None:
        """Become the process that the environment names."""
        if env["SUPERVISOR_PROCESS_NAME"] != AGENT:
            os.execve(filename, argv, env)  # noqa: S606 - the manager's own command, without a shell
        self._become_agent(env)

    def _become_agent(self, env: dict[str, str]) -> NoReturn:
        code = 1
        try:
            for number in TOLD:
                signal.signal(number, signal.SIG_DFL)
            end_with(self._manager)
            os.environ.clear()
            os.environ.update(env)
            code = self._agent()
            sys.stdout.flush()
        finally:
            os._exit(code)


class _Kept(Supervisor):  # type: ignore[misc]
    """Loop that passes the output of both processes on, and exits where the dashboard does not start."""

    def runforever(self) -> None:
        """Run until a signal."""
        events.subscribe(events.ProcessLogEvent, _passed_on)
        events.subscribe(events.ProcessStateFatalEvent, self._given_up)
        super().runforever()

    def _given_up(self, _event: Any) -> None:
        if self.options.mood == SupervisorStates.RUNNING:  # it also gives up what is to start again when it exits
            self.options.gave_up = True
            self.options.mood = SupervisorStates.SHUTDOWN


def _passed_on(event: Any) -> None:
    """Write what a process has written to this process's stdout, whatever that is, unless its reader has gone."""
    left = memoryview(event.data)
    with suppress(OSError):
        while left:
            left = left[os.write(1, left) :]
