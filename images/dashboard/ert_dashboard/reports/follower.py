"""Address follower: moves the client to where the agent's signed state has the backend, without a deploy or a restart.

The certificate of that state is the only one trusted at the new address, and the client moves only if the key is
accepted there: the one of this dashboard's variables, or with `ERT_MACHINE_SECRET` the one derived for that machine, so
that no other machine is ever sent it. Each process does it for itself, and keeps nothing: after a restart it begins
with the variables of its environment.
"""

from __future__ import annotations

import logging
from contextlib import suppress

from ert_dashboard.backend.agent_client import AgentClient, AgentTrouble
from ert_dashboard.backend.client import BackendClient
from ert_dashboard.backend.errors import BackendError
from ert_dashboard.backend.machine_view import GENERATIONS, MachineView, machine_key
from ert_dashboard.base.backends import Backend
from ert_dashboard.base.interrupt import Interrupt, Interrupted, Reason
from ert_dashboard.base.secret import Secret
from ert_dashboard.base.urls import loads, read_origin
from ert_dashboard.reports.consumer import CallLoop
from ert_dashboard.settings import Owned

_LOG = logging.getLogger(__name__)
EVERY_S, WAKING_S = 10.0, 2.0  # between two looks; the second one while the backend is being woken
_PROOF_S = 8.0


class AddressFollower(CallLoop):
    """Looks at the agent's state every `EVERY_S`, or `WAKING_S`. `fingerprint` is that of the configuration in use.

    `seen` is the last state, None before the first one and while the agent cannot be read.
    """

    def __init__(
        self, agent: AgentClient, client: BackendClient, backend: Backend, owned: Owned, secret: Secret | None = None
    ) -> None:
        super().__init__()
        self._agent = agent
        self._client = client
        self._backend = backend
        self._owned = owned
        self._secret = secret
        self._rejected: tuple[str, str] | None = None
        self.fingerprint = owned.fingerprint()
        self.seen: MachineView | None = None

    def start(self) -> None:
        self._begin("address", self._round)

    def _round(self) -> None:
        with suppress(Interrupted), self._calling() as call:
            if call is not None:
                try:
                    view = self._agent.look(call)
                except AgentTrouble:  # it is on the status page; the backend stays where it is
                    self.seen = None
                else:
                    self.seen = view if view.phase != "unknown" else self.seen
                    self._follow(view, call)
        waking = self.seen is not None and self.seen.phase == "waking"
        self._loops.pause(min(EVERY_S, WAKING_S) if waking else EVERY_S)

    def _follow(self, view: MachineView, call: Interrupt) -> None:
        """Move to the address of a state that is ready, if it is another one and takes the key."""
        if view.phase != "ready" or view.url is None or view.certificate is None:
            return
        found = (view.url, view.certificate)
        origin = read_origin(view.url)
        if origin is None or not loads(view.certificate):
            self._reject(found, "it is not https with a certificate")
            return
        key, secret = self._backend.key, self._secret
        if secret is not None and view.token is not None:
            key = machine_key(secret, view.token, view.key_generation)
        there = (origin, view.certificate.strip(), key.reveal())
        if there != (self._backend.url, self._backend.ca_pem.strip(), self._backend.key.reveal()):
            if secret is not None and view.token is None:
                self._reject(found, "its key is not derived from a token: `ert-deploy key rotate` changes that")
                return
            if self._is_ahead(view) and _proof(self._backend, call) is None:
                return  # the state is from before the key was changed
            moved = Backend(origin, key, view.certificate, self._backend.total_s)
            problem = _proof(moved, call)
            if problem is not None:
                self._reject(found, problem)
                return
            self._client.move(moved)
            self._backend = moved
            self.fingerprint = self._owned.fingerprint(view.url, view.certificate, key)
            _LOG.info("the backend is now at %s, as the agent told; fingerprint %s", origin, self.fingerprint)

    def _is_ahead(self, view: MachineView) -> bool:
        """Whether the key in use is a later one of that machine: an agent's state may be from before a rotation."""
        if self._secret is None or view.token is None or view.certificate is None:
            return False
        if view.certificate.strip() != self._backend.ca_pem.strip():
            return False
        later = range(view.key_generation + 1, GENERATIONS)
        return any(self._backend.key.reveal() == machine_key(self._secret, view.token, n).reveal() for n in later)

    def _reject(self, found: tuple[str, str], problem: str) -> None:
        if found != self._rejected:
            _LOG.warning("the backend's address that the agent told is not used: %s", problem)
        self._rejected = found


def _proof(backend: Backend, call: Interrupt) -> str | None:
    """Return why the backend at an address is not used; None if it has its certificate and accepts the key."""
    client = BackendClient(backend)
    try:
        call.limit(_PROOF_S)
        client.status(call)
    except BackendError as error:
        return str(error)
    except Interrupted as stop:
        if stop.reason is not Reason.DEADLINE:
            raise
        return "it does not respond in time"
    finally:
        call.limit(None)
        client.close()
    return None
