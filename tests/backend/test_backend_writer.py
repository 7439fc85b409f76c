"""Report writer process: its resource limits, handling of its exit, and isolation from secrets."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from ert_backend.base.report_request import MAX_TEXT, ReportRequest
from ert_backend.engine.protocol import EngineFailed, Message
from ert_backend.reports.job import TooCostly, WriterBroke, WriterLost
from ert_backend.reports.steps import (
    Answer,
    Ask,
    Begin,
    Done,
    Draft,
    Failure,
    Origin,
    Room,
    Step,
    Tell,
    Unwritten,
    decoded,
    encoded,
)
from ert_backend.reports.writer import COMMAND, LARGEST, Writer, environment
from tests.support.backend.rig import REQUEST, SECRET, Backend, running, wait_for
from tests.support.doubles.scripted_ollama import ScriptedOllama

ONE = {**REQUEST, "sections": ["risk_analysis"]}
REQUESTED = ReportRequest.model_validate(ONE).requested()
ORIGIN = Origin("m:1b", "scripted 1", "sha256:1")
ASK = Ask("risk_analysis", (Message("user", "Write."),), 7, None, 600)
BEGIN = Begin(REQUESTED, "ONE_1", Room(4000), ORIGIN, 1)
# Worker code that replaces the writing of a report; each one fails in a different way.
SPIN = "import re; re.match('(a*)*b', 'a' * 60)"
FILL = "kept = bytearray(2**31)"
RAISE = "raise KeyError('4711-of-the-request')"
DIE = "import os; os._exit(9)"
SLEEP = "import threading; threading.Event().wait(30)"
CHATTER = "import sys; sys.stdout.write('x' * 100); sys.stdout.flush()"
NOT_A_NUMBER = "return {'value': float('nan')}"


@pytest.fixture
def writer_command() -> tuple[str, ...]:
    """Return the command that the product uses."""
    return COMMAND


def playing(body: str) -> tuple[str, ...]:
    """Return the command of the real worker with a replaced report function."""
    lines = (
        "import ert_backend.reports.worker as worker",
        "def write_report(*_):",
        f"    {body}",
        "    return {'report': 'written'}",
        "    yield",
        "worker.write_report = write_report",
        "worker.main()",
    )
    return (sys.executable, "-c", "\n".join(lines))


async def answered(_: Ask) -> Answer:
    return Draft("The company is steady and known.", complete=True, completion_tokens=7)


def written(writer: Writer, begin: Begin = BEGIN, times: int = 1) -> Any:
    """Return the result of the last report; the process has exited after it."""

    async def play() -> Any:
        told: list[str] = []
        try:
            results = [await writer.write(begin, answered, lambda name, _: told.append(name)) for _ in range(times)]
            return results[-1], told
        finally:
            await writer.close()

    return asyncio.run(play())


def test_a_report_is_written_elsewhere_and_told_of_here() -> None:
    writer = Writer()
    report, told = written(writer, times=3)
    assert "The company is steady and known." in report["sections"]["risk_analysis"]
    assert report["metadata"]["model"] == "m:1b"
    assert told == ["section_started", "section"] * 3
    assert writer.started == 1


def test_a_report_that_takes_too_much_processor_time_is_ended_by_the_kernel_and_the_next_is_written() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    writer = Writer(playing(SPIN))
    with pytest.raises(TooCostly):
        written(writer)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 4.0
    writer.command = Writer().command
    assert written(writer)[0]["success"] is True
    assert writer.started == 2


def test_many_small_reports_do_not_use_up_the_limit_of_one() -> None:
    begin = Begin(REQUESTED, "ONE_1", Room(4000), ORIGIN, 1)
    burn = "import time; until = time.process_time() + 0.6\n    while time.process_time() < until: pass"
    writer = Writer(playing(burn))
    assert written(writer, begin, times=4)[0] == {"report": "written"}
    assert writer.started == 1


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        (FILL, WriterBroke, "MemoryError"),
        (RAISE, WriterBroke, "KeyError"),
        (NOT_A_NUMBER, WriterBroke, "ValueError"),
        (DIE, WriterLost, "status 9"),
        (SLEEP, WriterLost, "was silent for 1 s"),
    ],
)
def test_a_writer_that_fails_is_told_apart_and_repeats_nothing(body: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said) as failed:
        written(Writer(playing(body), patience=1.0 if body is SLEEP else 30.0))
    assert "4711" not in str(failed.value)


def test_what_a_report_prints_is_not_taken_for_a_step() -> None:
    assert written(Writer(playing(CHATTER)))[0] == {"report": "written"}


@pytest.mark.parametrize(
    "script",
    [
        f"print(({LARGEST} + 1).to_bytes(4, 'big').decode('latin-1'), end='')",
        "import sys; sys.stdout.buffer.write(b'\\0\\0\\0\\2{}')",
        "import sys; sys.stdout.buffer.write(b'\\0\\0\\0\\4[\\1]x')",
        "pass",
    ],
)
def test_what_is_no_step_ends_the_process(script: str) -> None:
    with pytest.raises(WriterLost):
        written(Writer((sys.executable, "-c", script)))


def test_a_program_that_is_not_there_loses_the_report_and_not_the_service() -> None:
    with pytest.raises(WriterLost):
        written(Writer(("/nowhere/python",)))


def test_no_answer_of_the_engine_is_its_failure() -> None:
    async def refused(_: Ask) -> Answer:
        return Failure("out of memory")

    async def play() -> None:
        writer = Writer()
        try:
            await writer.write(BEGIN, refused, lambda *_: None)
        finally:
            await writer.close()

    with pytest.raises(EngineFailed, match="out of memory"):
        asyncio.run(play())


@pytest.mark.parametrize(
    "step",
    [
        BEGIN,
        ASK,
        Tell("progress", {"tokens": 3}),
        Draft("text", complete=False, seconds=1.5),
        Failure("no"),
        Done({"a": [1]}),
        Unwritten("", "KeyError"),
    ],
    ids=lambda step: type(step).__name__,
)
def test_a_step_arrives_as_it_was_sent(step: Step) -> None:
    same = decoded(encoded(step))
    assert encoded(same) == encoded(step)
    assert type(same) is type(step)


def test_a_long_text_is_cut_before_anything_is_done_with_it_and_the_report_says_so() -> None:
    company = {"longName": "Apple", "longBusinessSummary": "long " * 4000, "lines": ["x" * 13_000]}
    request = ReportRequest.model_validate({**ONE, "company_data": company}).requested()
    assert len(request.company_data["longBusinessSummary"]) == MAX_TEXT
    report, _ = written(Writer(), Begin(request, "ONE_1", Room(4000), ORIGIN, 5))
    cut = ["company_data.longBusinessSummary", "company_data.lines.0"]
    assert report["metadata"]["report"]["shortened"] == cut


def test_the_process_is_given_no_secret() -> None:
    given = {"ERT_BOOT_SECRET": SECRET, "CONTAINER_API_KEY": "k", "PATH": "/bin", "PYTHONPATH": "/app", "HOME": "/data"}
    passed = environment(given)
    assert set(passed) == {"PATH", "PYTHONPATH", "HOME"}
    assert passed["PYTHONPATH"].endswith("/app")


def test_a_request_that_costs_too_much_is_refused_and_a_lost_writer_is_tried_again(
    tmp_path: Path, ollama: ScriptedOllama
) -> None:
    with running(tmp_path, ollama.host, report_cpu=1) as backend, backend.client() as client:
        client.timeout = httpx.Timeout(100)  # two seconds of CPU time may take long
        backend.wait_ready()
        writer = backend.service.writer
        writer.command = playing(SPIN)
        refused = client.post("/generate_report", json=ONE)
        assert refused.status_code == 422
        assert "processor time" in refused.json()["detail"]
        writer.command = playing(DIE)
        lost = client.post("/generate_report", json=ONE)
        assert lost.status_code == 503
        assert int(lost.headers["Retry-After"]) > 0
        writer.command = Writer().command
        assert client.post("/generate_report", json=ONE).status_code == 200
        assert "ert_report_processes 3.0" in client.get("/metrics").text


def test_a_cancelled_report_costs_the_process_its_place_and_the_end_of_the_service_its_life(
    tmp_path: Path, ollama: ScriptedOllama
) -> None:
    with running(tmp_path, ollama.host) as backend, backend.client() as client:
        backend.wait_ready()
        backend.service.writer.command = playing(SLEEP)
        client.post("/reports", json={**ONE, "id": "slow"})
        wait_for(lambda: backend.service.writer.started == 1)
        assert client.delete("/reports/slow").json()["status"] == "cancelled"
        backend.service.writer.command = Writer().command
        assert client.post("/generate_report", json=ONE).status_code == 200
        process = backend.service.writer._process
        assert process is not None
    assert process.returncode == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_the_process_ends_with_its_service(client: httpx.Client, backend: Backend) -> None:
    """Also when the service is killed: the pipe is closed with it."""
    backend.warm()
    process = backend.service.writer._process
    assert process is not None
    assert process.stdin is not None
    backend.loop.call_soon_threadsafe(process.stdin.close)
    wait_for(lambda: process.returncode is not None)
    assert process.returncode == 0
    assert client.post("/generate_report", json=ONE).status_code == 200
