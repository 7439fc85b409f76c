"""Client of the agent: requests a wake of the backend, and reads the deployment's state, which the agent signs.

It uses no proxy or other setting from the environment, no redirects and no persistent connections. The key is sent only
in the header of a request, and every call has a deadline from its first to its last byte.
"""

from __future__ import annotations

import hmac
import secrets
import ssl
import threading
from dataclasses import dataclass

import httpx

from ert_dashboard.backend import calls, protocol
from ert_dashboard.backend.machine_view import MachineView, NotBelieved, read_view, signature
from ert_dashboard.base.agent import Agent
from ert_dashboard.base.interrupt import Interrupt

LOOK_S = 10.0  # for one call, whatever it returns
WAKE_S = 30.0  # an agent may look at the provider before it answers
_CONNECT_S = 4.0
_LARGEST_ANSWER = 256 * 1024
_LONGEST_AFTER_S = 3600.0
_LOOKS = 2  # another thread may have overtaken the first
AWAY = f"the agent {calls.AWAY}"


class AgentTrouble(Exception):
    """Raised when the agent does not respond, rejects the key, or returns what cannot be used. Safe to display."""


@dataclass(frozen=True)
class Wake:
    """Result of a request to wake. `problem` is one line on why the machine is not being started; "" while it is.

    `lasting` problems do not end by themselves soon; `after` are the seconds until the agent wants the next request.
    """

    ready: bool = False
    problem: str = ""
    lasting: bool = False
    after: float | None = None


class AgentClient:
    """Client of one agent. Thread-safe. It never goes back to an older generation of the state.

    `elsewhere` is why a report is not taken although the agent calls the backend ready.
    """

    elsewhere = "the agent calls the backend ready, but it does not respond at the address that this dashboard has"

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._lock = threading.Lock()
        self._generation = -1
        context = httpx.create_ssl_context(trust_env=False) if agent.ca_pem is None else _trusting(agent.ca_pem)
        self._http = httpx.Client(
            base_url=agent.url,
            verify=context,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(WAKE_S, connect=_CONNECT_S),
            limits=httpx.Limits(max_keepalive_connections=0),
            headers={"User-Agent": "ert-dashboard", "Accept-Encoding": "identity"},
        )

    def close(self) -> None:
        self._http.close()

    def wake(self, interrupt: Interrupt, machines: int = 1) -> Wake:
        """Request once that so many machines are ready; repeat it while a report waits. Raise `AgentTrouble`."""
        path = f"/wake?machines={machines}" if machines > 1 else "/wake"
        status, body, headers = self._call("POST", path, interrupt, WAKE_S)
        if status in (200, 202):
            if not _is_state(body):
                raise AgentTrouble("the agent's response cannot be read")
            return Wake(ready=status == 200)
        said = self._said(body)
        after = calls.retry_after(headers, _LONGEST_AFTER_S)
        if status == 429:
            return Wake(problem=said or "the agent starts no machine more in this hour", after=after)
        if status == 409:
            return Wake(problem=said or "the agent must not wake the GPU", lasting=True, after=after)
        if status == 503:
            return Wake(problem=said or "the agent cannot read the provider at the moment", after=after)
        raise _refused(status, said)

    def look(self, interrupt: Interrupt) -> MachineView:
        """Return the state of the deployment; raise `AgentTrouble`, also for a state that is not to be believed."""
        for _ in range(_LOOKS):
            view = self._look(interrupt)
            with self._lock:
                if view.phase == "unknown":
                    return MachineView("unknown", max(0, self._generation), reason=view.reason)
                if view.generation >= self._generation:
                    self._generation = view.generation
                    return view
        raise AgentTrouble("the agent's state is older than one it told before")

    def _look(self, interrupt: Interrupt) -> MachineView:
        nonce = secrets.token_urlsafe(24)
        status, body, headers = self._call("GET", "/backend", interrupt, LOOK_S, nonce)
        if status != 200:
            raise _refused(status, self._said(body))
        expected = signature(self._agent.key, nonce, body)
        if not hmac.compare_digest(headers.get("x-ert-signature", "").encode(), expected.encode()):
            raise AgentTrouble("the agent's state is not signed with the key of this dashboard")
        try:
            return read_view(protocol.parse_json(body), self._agent.deployment)
        except protocol.Malformed:
            raise AgentTrouble("the agent's state cannot be read") from None
        except NotBelieved as error:
            raise AgentTrouble(str(error)) from None

    def _call(
        self, method: str, path: str, interrupt: Interrupt, limit_s: float, nonce: str | None = None
    ) -> tuple[int, bytes, httpx.Headers]:
        headers = {"Authorization": f"Bearer {self._agent.key.reveal()}"}
        if nonce is not None:
            headers["X-Ert-Nonce"] = nonce
        query = {"deployment": self._agent.deployment} if self._agent.deployment else None
        request = self._http.build_request(method, path, params=query, headers=headers)
        try:
            return calls.whole_response(self._http, request, interrupt, calls.Limits(limit_s, _LARGEST_ANSWER))
        except calls.NoAnswer as error:
            if error.distrusted:
                raise AgentTrouble("the certificate of the agent is not trusted (ERT_AGENT_CA_CERT)") from None
            raise AgentTrouble(f"the agent {error}") from None

    def _said(self, body: bytes) -> str:
        try:
            text = protocol.error_text(protocol.parse_json(body).get("error")) or ""
        except protocol.Malformed:
            return ""
        return text.replace(self._agent.key.reveal(), "***").rstrip(".")


def _is_state(body: bytes) -> bool:
    try:
        return "phase" in protocol.parse_json(body)
    except protocol.Malformed:
        return False


def _trusting(pem: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=pem)
    return context


def _refused(status: int, said: str) -> AgentTrouble:
    if status == 401:
        return AgentTrouble("the agent does not accept the key of this dashboard (ERT_AGENT_KEY)")
    if status in (404, 422):
        return AgentTrouble("the agent does not serve this deployment (ERT_AGENT_DEPLOYMENT)")
    return AgentTrouble(f"the agent returned HTTP {status}{f': {said}' if said else ''}")
