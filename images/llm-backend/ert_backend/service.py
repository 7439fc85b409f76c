"""Components of a running backend, created once per process and wired together; the routes are defined elsewhere."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ert_backend.base.activity import Ledger, OffSwitch
from ert_backend.base.board import Board
from ert_backend.base.clock import boot_seconds
from ert_backend.base.metrics import Metrics
from ert_backend.base.report_request import ReportRequest
from ert_backend.base.token_bucket import rates
from ert_backend.edge.access_log import Witness
from ert_backend.edge.audit import Audit
from ert_backend.edge.auth import Gate
from ert_backend.edge.connection_limits import Lobby
from ert_backend.edge.identity import Identity
from ert_backend.edge.key_store import KeyRing
from ert_backend.engine.bring_up import BringUp
from ert_backend.engine.protocol import LlmEngine, Piece
from ert_backend.engine.pulse import Pulse, Watched
from ert_backend.engine.repeats import Repeats
from ert_backend.engine.turns import Patience, Turns, timely
from ert_backend.reports.drafting import draft
from ert_backend.reports.jobs import Jobs, Tell
from ert_backend.reports.steps import Answer, Ask, Begin, Origin, Room
from ert_backend.reports.writer import Writer
from ert_backend.settings import Settings

# Limits for the small model of a sandbox: prompt size in tokens, length of its output in characters.
SANDBOX_PROMPT_TOKENS, SANDBOX_CHARS = 1200, 600
RESERVED_FILES = 100


@dataclass(frozen=True, slots=True)
class Service:
    """The components that the routes use; created once per process."""

    settings: Settings
    identity: Identity
    engine: LlmEngine
    state: BringUp
    jobs: Jobs
    ledger: Ledger
    started: float
    gate: Gate
    witness: Witness
    writer: Writer
    turns: Turns
    pulse: Pulse


def assemble(settings: Settings, identity: Identity, engine: LlmEngine) -> Service:
    """Build the service around an engine. Must run inside the event loop that will serve it."""
    state = BringUp(settings.model, name=engine.name, title=engine.title, wanted_digest=settings.model_digest)
    board = Board.inherited(settings.board)
    ledger = Ledger(board, settings.run, settings.token, settings.data_dir, identity.cert_sha256)
    pulse = Pulse()
    engine = Watched(engine, pulse)
    witness = Witness(Metrics(engine.name), Audit(settings.data_dir, settings.audit_bytes))

    writer, turns = Writer(), Turns(settings.engine_slots)
    patience = Patience(settings.first_token, settings.next_token)

    async def write(request: ReportRequest, report_id: str, tell: Tell) -> dict[str, Any]:
        began, error, metadata = boot_seconds(), "unknown", dict[str, Any]()
        answer = partial(ask, tell, Repeats(state, engine))
        try:
            async with turns.report():
                report = await writer.write(_begin(request, report_id, state, settings), answer, tell)
            error, metadata = "", report["metadata"]
        except (Exception, asyncio.CancelledError) as failure:
            error = type(failure).__name__
            raise
        finally:
            witness.metrics.report(state.model or state.wanted, boot_seconds() - began, error, metadata)
        return report

    async def ask(tell: Tell, repeats: Repeats, asked: Ask) -> Answer:
        def chat(ask: Ask) -> AsyncGenerator[Piece, None]:
            return timely(engine.chat(state.model, ask.messages, ask.seed, ask.form), patience)

        def count(tokens: int) -> None:
            tell("progress", {"section": asked.section, "tokens": tokens})

        return await repeats.of(lambda: draft(chat, asked, count))

    jobs = Jobs(
        write, ledger, settings.queue_limit, settings.fresh_for, settings.report_deadline, grace=settings.abandon_grace
    )
    service = Service(
        settings, identity, engine, state, jobs, ledger, boot_seconds(), _gate(settings), witness, writer, turns, pulse
    )
    _watch(service)
    return service


def _begin(request: ReportRequest, report_id: str, state: BringUp, settings: Settings) -> Begin:
    """Return the initial step of a report, limited to the model's context."""
    room = Room(max(512, settings.context - settings.num_predict - 256))
    if state.sandbox:
        room = Room(min(room.prompt_tokens, SANDBOX_PROMPT_TOKENS), SANDBOX_CHARS, held=False)
    origin = Origin(state.model, state.engine, state.digest, state.sandbox)
    return Begin(request.requested(), report_id, room, origin, settings.report_cpu)


def _gate(settings: Settings) -> Gate:
    keys = KeyRing(settings.data_dir, settings.token, settings.key_hashes, settings.boot_secret)
    limits = rates(settings.key_rate, settings.address_rate, settings.bad_key_rate)
    total = min(settings.max_connections, _open_files() - RESERVED_FILES)
    return Gate(keys, limits, Lobby(settings.address_connections, max(1, total)))


def _open_files() -> int:
    """Return the soft limit of open files: the connection limit must be reached before the kernel denies a socket."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1_000_000


def _slots(service: Service) -> int:
    return service.state.finding.slots if service.state.finding else 0


def _watch(service: Service) -> None:
    """Register the gauges that `/metrics` reads from the components on each scrape."""
    watch, jobs, lobby = service.witness.metrics.watch, service.jobs, service.gate.lobby
    watch("ert_ready", "1 when the model answers", lambda: float(service.state.ready))
    watch("ert_engine_slots", "Answers written at a time, as the boot probe chose", lambda: float(_slots(service)))
    watch("ert_uptime_seconds", "Age of this process", lambda: boot_seconds() - service.started)
    watch("ert_idle_seconds", "Since the last report", service.ledger.idle_seconds)
    watch("ert_queue_depth", "Reports that wait", lambda: float(len(jobs.waiting)))
    watch("ert_reports_active", "Reports being written", lambda: float(jobs.active is not None))
    watch("ert_reports_done", "Reports written by this process", lambda: float(jobs.total))
    watch("ert_engine_turns", "Answers that the engine is asked for now", lambda: float(service.turns.taken))
    watch("ert_chats_waiting", "Chats that wait for their turn", lambda: float(service.turns.waiting[1]))
    watch("ert_report_processes", "Processes that were started to write reports", lambda: float(service.writer.started))
    watch("ert_connections", "Connections, handshakes included", lambda: float(lobby.inside))
    watch("ert_connections_trusted", "Connections that have shown a good key", lambda: float(lobby.trusted))
    watch("ert_connections_evicted", "Strangers that made room", lambda: float(lobby.evicted))
    watch("ert_connections_refused", "Connections without a place", lambda: float(lobby.refused))
    watch("ert_connections_garbled", "Connections that spoke no HTTP", lambda: float(lobby.garbled))
    watch("ert_keys_generation", "How often the keys were set", lambda: float(service.gate.keys.now.generation))
    _watch_guard(service.ledger, watch)
    watch("ert_audit_records", "Records in the audit log", lambda: float(service.witness.audit.count))
    watch("ert_audit_failures", "Records the disk did not take", lambda: float(service.witness.audit.failures))


def _watch_guard(ledger: Ledger, watch: Callable[[str, str, Callable[[], float]], None]) -> None:
    proven, refused = OffSwitch.PROVEN, OffSwitch.REFUSED
    watch("ert_off_switch_proven", "1 when the provider has taken the guard's key", lambda: _is(ledger, proven))
    watch("ert_off_switch_refused", "1 when the provider refuses the guard's key", lambda: _is(ledger, refused))
    watch("ert_claim_not_kept", "1 when the disk does not take that it is claimed", lambda: float(ledger.unkept))
    watch("ert_engine_restarts", "Restarts of an engine that hung", lambda: float(ledger.guard().engine_restarts))
    watch("ert_engine_sick", "1 when restarting it did not help", lambda: float(ledger.guard().engine_sick))


def _is(ledger: Ledger, state: OffSwitch) -> float:
    return float(ledger.guard().off_switch is state)
