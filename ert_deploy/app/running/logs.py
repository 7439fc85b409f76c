"""`logs` by source: the container's and the app's lines, merged by time, also as they appear."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ert_deploy.adapters.clock import RealClock
from ert_deploy.app.deployment import SILENT, Config, Deployment, Progress, in_sandbox_time, opened
from ert_deploy.app.external.rented_only import rented_only
from ert_deploy.app.outcome import accessible
from ert_deploy.app.replicas.sessions import of_which
from ert_deploy.app.running.log_checks import is_check
from ert_deploy.app.running.log_lines import DEEPEST, Line, Source, container_lines, unseen
from ert_deploy.core.model.errors import ErtError, UsageError
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.planning.age import newest
from ert_deploy.wiring import Session

__all__ = ["EVERY", "Line", "Source", "Wanted", "log_lines"]

PAUSE = 5.0  # real seconds between two reads; Vast.ai takes a request in some seconds, Render 30 a minute
MOST_APP = 100
KEPT = 1_000  # of them that are compared with the next read
EVERY = frozenset(Source)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines: of these sources, not older than `since` seconds, that contain `grep` (a regular expression).

    `tail` is the number of lines of the first read that are shown; `instance` is that of the container, by
    default the newest, or the newest of `replica`. Successful health checks are included only with `checks`.
    """

    sources: frozenset[Source] = EVERY
    tail: int = 100
    since: float | None = None
    grep: str = ""
    instance: InstanceId | None = None
    checks: bool = False
    replica: int | None = None

    @property
    def every(self) -> bool:
        """Whether no line is left out, so that as many are read as are shown."""
        return self.checks and not self.grep and self.since is None


def log_lines(
    config: Config = None, wanted: Wanted | None = None, *, follow: bool = False, progress: Progress = SILENT
) -> Iterator[Line]:
    """Yield the lines that are wanted, by time; with `follow` also new ones, without end.

    A source that cannot be read is noted, and skipped. In a sandbox all times, also `since`, are by its clock. Raises
    UsageError (an invalid expression, an instance that does
    not exist), and the error of the only source that is wanted.
    """
    wanted = wanted or Wanted()
    try:
        pattern = re.compile(wanted.grep)
    except re.error as error:
        raise UsageError(f"--grep {wanted.grep!r} is not a regular expression: {error}") from None
    session, sources = _session(opened(config), wanted, progress)
    if session.in_sandbox:
        progress.note("sandbox: the times in front are its own, those within a text are this machine's")
    reader = _Reader(session, sources, wanted, progress)
    now = session.ports.clock.now() if session.in_sandbox else RealClock().now()
    oldest = now - wanted.since if wanted.since is not None else 0.0
    lines = [line for line in reader.read() if line.at >= oldest and pattern.search(line.text)]
    kept = [line for line in lines if wanted.checks or not reader.is_check(line)]
    if not kept[-wanted.tail :] and not follow:
        hidden = f"; {len(lines)} health checks do, see --checks" if lines else ""
        progress.note(f"no line matches{hidden}")
    yield from kept[-wanted.tail :]
    while follow:
        RealClock().sleep(PAUSE)
        new = (line for line in reader.read() if pattern.search(line.text))
        yield from (line for line in new if wanted.checks or not reader.is_check(line))


def _session(deployment: Deployment, wanted: Wanted, progress: Progress) -> tuple[Session, frozenset[Source]]:
    """Return the ports, and the sources that can be read with the keys that are there."""
    if wanted.sources != {Source.APP}:
        rented_only(deployment, "logs", "`ert-deploy logs --source app` has the log of the app")
    if Source.APP not in wanted.sources:
        return deployment.session(progress, web=False), wanted.sources
    if wanted.sources == {Source.APP}:
        return deployment.session(progress, gpu=False), wanted.sources
    try:
        return deployment.session(progress), wanted.sources
    except UsageError as error:
        progress.note(f"the app's log is left out: {error.summary}")
        return deployment.session(progress, web=False), wanted.sources - {Source.APP}


class _Reader:
    """Reads the sources again and again, and returns what was not read before."""

    def __init__(self, session: Session, sources: frozenset[Source], wanted: Wanted, progress: Progress) -> None:
        self._session = session
        self._sources = sources
        self._wanted = wanted
        self._progress = progress
        self._seen: dict[str, Sequence[Line]] = {}
        self._troubles: dict[str, str] = {}
        self._which = ""
        self._checked = frozenset(target.health_path for target in session.desired.targets)

    def is_check(self, line: Line) -> bool:
        """Whether the line is a successful health check, also one of an app on its own path."""
        return is_check(line.text, self._checked if line.source is Source.APP else ())

    def read(self) -> list[Line]:
        """Return the new lines of all sources, by time."""
        found: list[Line] = []
        readers: dict[str, Callable[[], list[Line]]] = {}
        if self._sources - {Source.APP}:
            readers["container"] = self._container
        if Source.APP in self._sources:
            readers["app"] = self._app
        for name, reader in readers.items():
            try:
                lines = reader()
            except ErtError as error:
                self._note(name, error)
                continue
            self._troubles.pop(name, None)
            found += unseen(self._seen.get(name, ()), lines)
            self._seen[name] = lines[-KEPT:]
        found.sort(key=lambda line: line.at)
        return [line for line in found if line.source in self._sources]

    def _note(self, name: str, error: ErtError) -> None:
        """Note an error once; raise it if nothing else was ever read."""
        if not self._seen and len({source is Source.APP for source in self._sources}) == 1:
            raise error
        if self._troubles.get(name) != error.summary:
            self._troubles[name] = error.summary
            self._progress.note(f"the {name}'s log: {error.summary}")

    def _container(self) -> list[Line]:
        found = accessible(self._session, self._wanted.replica)
        mine = [one.id for one in found]
        chosen = self._wanted.instance
        if chosen is not None and chosen not in mine:
            raise UsageError(f"instance {chosen} is not one of {self._session.desired.deployment}")
        if not mine:
            raise UsageError(f"{self._session.desired.deployment} has no instance", hint="`ert-deploy up` rents one")
        number = chosen if chosen is not None else newest(found).id
        which = of_which(self._session, next(one for one in found if one.id == number))
        if which and which != self._which:
            self._progress.note(which)
        self._which = which
        deep = KEPT if "container" in self._seen else DEEPEST
        count = self._wanted.tail if self._wanted.every else max(self._wanted.tail, deep)
        lines = container_lines(self._session.ports.gpu.logs(number, count))
        first = next((line.at for line in lines if line.at), 0.0)
        start = in_sandbox_time(first, self._session)  # once, as its clock goes on between two lines
        speed = self._session.speed if self._session.in_sandbox else 1.0
        return [replace(line, at=start + (line.at - first) * speed) if line.at else line for line in lines]

    def _app(self) -> list[Line]:
        web, found = self._session.ports.web, list[Line]()
        for target in self._session.desired.targets:
            service = web.service(target.service)
            web.read_env(service.id)  # registers its keys, so that they are removed from every line
            count = min(self._wanted.tail, MOST_APP) if self._wanted.every else MOST_APP
            found += (Line(line.at, Source.APP, line.text) for line in web.logs(service, count))
        return found
