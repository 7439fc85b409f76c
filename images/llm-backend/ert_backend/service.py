"""The parts of a running backend, made once per process and joined here; routes and answers are elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ert_backend.activity import Ledger
from ert_backend.boot import BringUp
from ert_backend.clock import boot_seconds
from ert_backend.engine import LlmEngine
from ert_backend.identity import Identity
from ert_backend.intake import ReportRequest
from ert_backend.jobs import Jobs
from ert_backend.report import Tell, write_report
from ert_backend.section import Desk
from ert_backend.settings import Settings

# What a sandbox's small model can keep in view, and how long it may ramble.
SANDBOX_PROMPT_TOKENS, SANDBOX_CHARS = 1200, 600


@dataclass(frozen=True, slots=True)
class Service:
    """The parts that the routes work on; made once per process."""

    settings: Settings
    identity: Identity
    engine: LlmEngine
    state: BringUp
    jobs: Jobs
    ledger: Ledger
    started: float


def assemble(settings: Settings, identity: Identity, engine: LlmEngine) -> Service:
    """A service around an engine. Must run inside the event loop that will serve it."""
    state = BringUp(settings.model)
    ledger = Ledger(settings.data_dir, settings.run, settings.token)

    async def write(request: ReportRequest, report_id: str, tell: Tell) -> dict[str, Any]:
        room = settings.context - settings.num_predict - 256
        desk = Desk(engine, state, max(512, room))
        if state.sandbox:
            desk = Desk(engine, state, min(desk.prompt_tokens, SANDBOX_PROMPT_TOKENS), SANDBOX_CHARS)
        return await write_report(request, report_id, desk, tell)

    jobs = Jobs(
        write, ledger, settings.queue_limit, settings.fresh_for, settings.report_deadline, grace=settings.abandon_grace
    )
    return Service(settings, identity, engine, state, jobs, ledger, boot_seconds())
