"""One deployment as a command sees it: its config, read once, and the way from there to the ports."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ert_deploy.config import Settings, allowed_hosts, default_config, find, key_at_hand, load
from ert_deploy.core.model import events
from ert_deploy.core.model.errors import Busy, ErtError, UsageError
from ert_deploy.ports import Audience, StateKeeper
from ert_deploy.wiring import Session, assemble

if TYPE_CHECKING:
    from ert_deploy.sandbox.world.file import WorldFile

STARTS = "`ert-deploy up` or `ert-deploy sandbox start` starts one"


class Progress(Audience, Protocol):
    """Whoever watches a command: the events of the run, and lines of text. Neither may raise."""

    def note(self, text: str) -> None:
        """One line about what is going on."""


class Silent:
    """Nobody watches."""

    def tell(self, event: events.Event) -> None:
        """Let it pass."""

    def note(self, text: str) -> None:
        """Let it pass."""


SILENT = Silent()


class Connector(Protocol):
    """How settings become a session; `connect` is the product's."""

    def __call__(
        self, settings: Settings, audience: Audience, *, start_sandbox: bool, gpu: bool, web: bool
    ) -> Session: ...


def connect(settings: Settings, audience: Audience, *, start_sandbox: bool, gpu: bool, web: bool) -> Session:
    """The real adapters against the addresses of the settings, or against their sandbox. Raises UsageError."""
    world = sandbox_world(settings, start=start_sandbox) if settings.sandbox is not None else None
    return assemble(settings, audience, world, gpu=gpu, web=web)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A config that was read, and how to reach what it names. `named`: somebody chose it, it is not the default."""

    settings: Settings
    named: bool = True
    connector: Connector = field(default=connect)

    @property
    def name(self) -> str:
        """The deployment's name."""
        return self.settings.desired.deployment

    def session(
        self, progress: Audience = SILENT, *, start_sandbox: bool = False, gpu: bool = True, web: bool = True
    ) -> Session:
        """The ports of one run. Starts the sandbox only when the config has one and `start_sandbox` says so.

        Without `gpu` no Vast key is asked for, without `web` no Render key; that provider must then not be called.
        Raises UsageError for a key that is missing, and for a sandbox that is not there.
        """
        return self.connector(self.settings, progress, start_sandbox=start_sandbox, gpu=gpu, web=web)

    def sandbox_runs(self) -> bool:
        """False only when the config asks for a sandbox and none is running: then nothing can be running in it.

        UsageError where the sandbox was only guessed: the key may be in a file that another config names.
        """
        if self.settings.sandbox is None:
            return True
        try:
            sandbox_world(self.settings, start=False)
        except UsageError:
            if self.named or key_at_hand(os.environ):
                return False
            raise UsageError(
                "no config was named, VAST_API_KEY is not set, and no sandbox runs here: nothing was read",
                hint="name the config: -c my-app",
            ) from None
        return True

    def keeper(self, *, signing: bool = False, remove: bool = False) -> StateKeeper:
        """The store of the state, for those who look after it. It needs no provider and no key of one.

        `signing`: for whom signs it, or with `remove` takes the signature away. Raises UsageError without that key.
        """
        from ert_deploy.adapters.clock import CompressedClock, RealClock
        from ert_deploy.ports import Clock
        from ert_deploy.stores import keys_to_sign, own_store

        clock: Clock = RealClock()
        if self.settings.sandbox is not None:
            with suppress(UsageError):
                world = sandbox_world(self.settings, start=False)
                clock = CompressedClock(world.speed, world.epoch_wall, world.epoch_world)
        return own_store(self.settings, clock, keys_to_sign(self.settings, remove=remove) if signing else None)


Config = str | Path | Deployment | None


def opened(config: Config, *, going_down: bool = False) -> Deployment:
    """The deployment of a config: by name, by path, as it was opened before, or None for the default one.

    The default is the command line's: `ert` when VAST_API_KEY is set, else the sandbox. `going_down`: an old config
    will do. Raises UsageError, of which ConfigProblems names everything that is wrong with the file.
    """
    if isinstance(config, Deployment):
        return config
    path = find(config) if isinstance(config, str) and config else config or default_config(os.environ)
    settings = load(Path(path), going_down=going_down, hosts=allowed_hosts(os.environ))
    return Deployment(settings, named=bool(config))


def open_deployment(config: str | Path | None = None) -> Deployment:
    """Read a config once, for several calls. Raises UsageError, of which ConfigProblems names all that is wrong."""
    return opened(config)


def sandbox_world(settings: Settings, *, start: bool) -> WorldFile:
    """The running world of these settings; started if it is not running and `start` is given, else UsageError."""
    from ert_deploy.sandbox.world import daemon, world

    sandbox = settings.sandbox
    if sandbox is None:
        raise UsageError(f"{settings.source} has no sandbox", hint="`--config sandbox` names one that does")
    try:
        if start:
            return daemon.start(sandbox.world, sandbox.speed)
        return world.attach(sandbox.world)
    except world.WorldError as error:
        raise UsageError(str(error), hint="name a real deployment with -c" if start else STARTS) from error


def new_run_id() -> str:
    """Names one run in the lock."""
    return secrets.token_hex(4)


@dataclass(slots=True)
class Counting:
    """Passes events on and counts the steps that were begun."""

    progress: Progress
    steps: int = 0

    def tell(self, event: events.Event) -> None:
        """Count steps, pass everything on."""
        if isinstance(event, events.Started):
            self.steps += 1
        self.progress.tell(event)


@contextmanager
def at_work(
    deployment: Deployment, progress: Progress, *, going_down: bool = False
) -> Iterator[tuple[Session, Counting]]:
    """A session that holds the deployment's lock, and what counts its steps. Starts the sandbox. Raises Busy."""
    audience = Counting(progress)
    session = deployment.session(audience, start_sandbox=True)
    if session.in_sandbox:
        progress.note(f"sandbox on this machine: no costs, provider time runs {session.speed:g}x")
    with _locked(session, audience, going_down=going_down):
        yield session, audience


@contextmanager
def _locked(session: Session, audience: Audience, *, going_down: bool) -> Iterator[None]:
    """The lock is a courtesy: on the way down, a store that cannot even be locked keeps nothing that bills alive."""
    with ExitStack() as held:
        try:
            held.enter_context(session.ports.store.lock(new_run_id()))
        except ErtError as error:
            if not going_down or isinstance(error, Busy):
                raise
            audience.tell(events.Trouble("going on without the lock", error.summary))
        yield
