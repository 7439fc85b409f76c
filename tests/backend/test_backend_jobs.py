"""Reports as jobs: a repeated request finds its job, a different body conflicts, and event streams can be resumed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from ert_backend.__main__ import drain
from ert_backend.base.activity import GuardWord, write_guard
from ert_backend.reports.job import Job, Status
from ert_backend.reports.jobs import KEPT
from tests.support.backend.rig import NEXT_KEY, REQUEST, Backend, running, wait_for
from tests.support.doubles.scripted_ollama import ScriptedOllama, says

ONE = {**REQUEST, "sections": ["risk_analysis"]}


@pytest.fixture
def gate(ollama: ScriptedOllama) -> threading.Event:
    """Block every response of the model until the event is set."""
    opened = threading.Event()

    def chat(body: object) -> list[dict[str, object]]:
        opened.wait(10)
        return says("The company is profitable and steady.")

    ollama.chat = chat
    return opened


def chats(ollama: ScriptedOllama) -> int:
    return sum(bool(body["messages"]) for body in ollama.bodies("/api/chat"))


def status(client: httpx.Client, job_id: str) -> Callable[[], str]:
    return lambda: str(client.get(f"/reports/{job_id}").json()["status"])


def test_a_report_posted_again_while_it_is_written_is_written_once(
    backend: Backend, client: httpx.Client, ollama: ScriptedOllama, gate: threading.Event
) -> None:
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(client.post, "/generate_report", json=ONE) for _ in range(3)]
        wait_for(lambda: backend.service.jobs.active)
        gate.set()
        bodies = [answer.result().json() for answer in answers]
    assert len({body["report_id"] for body in bodies}) == 1
    again = client.post("/generate_report", json=dict(reversed(ONE.items()))).json()
    assert again == bodies[0]
    assert chats(ollama) == 1


def test_another_key_or_body_is_another_report_and_so_is_a_stale_one(tmp_path: Path, ollama: ScriptedOllama) -> None:
    with running(tmp_path, ollama.host, fresh_for=0.0001) as backend, backend.client() as client:
        backend.wait_ready()
        with backend.client(NEXT_KEY) as other:
            ids = [
                client.post("/generate_report", json=ONE).json()["report_id"],
                client.post("/generate_report", json=ONE).json()["report_id"],
                client.post("/generate_report", json={**ONE, "ticker": "MSFT"}).json()["report_id"],
                other.post("/generate_report", json=ONE).json()["report_id"],
            ]
    assert len(set(ids)) == 4


def test_the_same_input_gives_the_same_seed_and_sections_have_their_own(
    client: httpx.Client, ollama: ScriptedOllama
) -> None:
    for job_id in ("one", "two"):
        client.post("/reports", json={**REQUEST, "id": job_id})
        assert read_events(client, job_id)[-1][1] == "done"
    seeds = [body["options"]["seed"] for body in ollama.bodies("/api/chat") if body["messages"]]
    assert seeds[:5] == seeds[5:]
    assert len(set(seeds)) == 5


def test_a_job_is_idempotent_by_its_id_and_another_body_conflicts(client: httpx.Client, ollama: ScriptedOllama) -> None:
    first = client.post("/reports", json={**ONE, "id": "job-1"})
    assert first.status_code == 202
    assert first.json()["events"] == "/reports/job-1/events"
    wait_for(lambda: status(client, "job-1")() == "done")
    again = client.post("/reports", json={**ONE, "id": "job-1"})
    assert again.status_code == 202
    assert again.json()["status"] == "done"
    assert again.json()["result"]["report_id"] == "job-1"
    assert client.post("/reports", json={**ONE, "ticker": "MSFT", "id": "job-1"}).status_code == 409
    assert chats(ollama) == 1


def test_an_unknown_job_is_404_and_a_job_without_id_gets_one(client: httpx.Client) -> None:
    assert client.get("/reports/nope").status_code == 404
    assert client.get("/reports/nope/events").status_code == 404
    assert client.delete("/reports/nope").status_code == 404
    ids = [client.post("/reports", json=ONE).json()["id"] for _ in range(2)]
    assert len(set(ids)) == 2


def read_events(client: httpx.Client, job_id: str, after: int | None = None) -> list[tuple[int, str]]:
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    text = client.get(f"/reports/{job_id}/events", headers=headers).text
    blocks = [
        dict(line.split(": ", 1) for line in block.splitlines()) for block in text.split("\n\n") if "id: " in block
    ]
    return [(int(block["id"]), block["event"]) for block in blocks]


def test_events_are_numbered_and_go_on_where_the_client_was(client: httpx.Client) -> None:
    client.post("/reports", json={**REQUEST, "id": "job-1"})
    seen = read_events(client, "job-1")
    assert [number for number, _ in seen] == list(range(1, len(seen) + 1))
    names = [name for _, name in seen]
    assert names[:2] == ["queued", "started"]
    assert names.count("section") == 5
    assert names[-1] == "done"
    assert read_events(client, "job-1", after=seen[-3][0]) == seen[-2:]
    assert read_events(client, "job-1", after=seen[-1][0]) == []
    assert read_events(client, "job-1", after=10_000) == seen


def test_events_stream_while_the_report_is_written(client: httpx.Client, gate: threading.Event) -> None:
    client.post("/reports", json={**ONE, "id": "job-1"})
    with client.stream("GET", "/reports/job-1/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert next(line for line in lines if line == "event: section_started")
        gate.set()
        assert next(line for line in lines if line == "event: done")


def test_cancelling_a_waiting_job_and_the_one_being_written(
    client: httpx.Client, backend: Backend, ollama: ScriptedOllama
) -> None:
    ollama.chat = lambda body: (line for _ in range(1000) for line in says("word ")[:1])
    ollama.chat_pause = 0.01
    for job_id in ("running", "waiting"):
        client.post("/reports", json={**ONE, "id": job_id})
    wait_for(lambda: [body for body in ollama.bodies("/api/chat") if body["messages"]])  # else no stream to cut
    assert client.delete("/reports/waiting").json()["status"] == "cancelled"
    assert client.delete("/reports/running").json()["status"] == "cancelled"
    wait_for(lambda: ollama.cut_off)
    assert backend.service.ledger.record.in_flight == 0
    ollama.chat, ollama.chat_pause = (lambda body: says("The company is profitable and steady.")), 0.0
    assert client.post("/generate_report", json=ONE).status_code == 200


def test_a_report_over_its_deadline_fails_and_the_next_is_written(tmp_path: Path, ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: (line for _ in range(500) for line in says("word ")[:1])
    ollama.chat_pause = 0.02
    with running(tmp_path, ollama.host, report_deadline=2.0) as backend, backend.client() as client:
        backend.wait_ready()
        backend.warm()
        assert client.get("/status").json()["last_report"] is None
        late = client.post("/generate_report", json=ONE)
        assert late.status_code == 503
        assert "too long" in late.json()["detail"]
        last = client.get("/status").json()["last_report"]
        assert (last["status"], last["error"]) == ("failed", "the report took too long")
        assert 0 <= last["seconds_ago"] < 60
        ollama.chat, ollama.chat_pause = (lambda body: says("The company is profitable and steady.")), 0.0
        assert client.post("/generate_report", json=ONE).status_code == 200
        last = client.get("/status").json()["last_report"]
        assert (last["status"], last["error"]) == ("done", None)


def test_a_drain_hands_back_what_waits_and_lets_the_running_one_finish(
    backend: Backend, client: httpx.Client, gate: threading.Event
) -> None:
    import asyncio

    for job_id in ("running", "waiting"):
        client.post("/reports", json={**ONE, "id": job_id})
    wait_for(lambda: status(client, "running")() == "running")
    draining = asyncio.run_coroutine_threadsafe(drain(backend.service, 10), backend.loop)
    wait_for(lambda: status(client, "waiting")() == "failed")
    assert client.get("/reports/waiting").json()["retryable"] is True
    assert read_events(client, "waiting")[-1][1] == "draining"
    assert client.get("/status").json()["last_report"] is None, "what was handed back says nothing of this machine"
    refused = client.post("/reports", json={**ONE, "id": "late"})
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    gate.set()
    wait_for(lambda: status(client, "running")() == "done")  # this fetches the report, so the drain is over
    draining.result(5)


def test_the_guards_drain_flag_closes_admission(backend: Backend, client: httpx.Client) -> None:
    write_guard(backend.service.ledger.board, GuardWord(backend.settings.run, drain=True))
    assert client.post("/generate_report", json=ONE).status_code == 503
    assert client.get("/status").json()["draining"] is True
    assert backend.service.ledger.record.in_flight == 0


def leave(backend: Backend, body: object) -> None:
    """Request a report and disconnect after a moment."""
    with backend.client() as impatient, pytest.raises(httpx.ReadTimeout):
        impatient.post("/generate_report", json=body, timeout=0.3)


def test_a_report_whose_last_reader_left_is_cancelled_after_the_grace(tmp_path: Path, ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: (line for _ in range(1000) for line in says("word ")[:1])
    ollama.chat_pause = 0.01
    with running(tmp_path, ollama.host, abandon_grace=0.5) as backend:
        backend.wait_ready()
        backend.warm()
        leave(backend, ONE)
        wait_for(lambda: ollama.cut_off)
        (job,) = backend.service.jobs.jobs.values()
        wait_for(lambda: job.status.value == "cancelled")
        assert backend.service.ledger.record.in_flight == 0


def test_a_report_goes_on_for_a_reader_that_comes_back_or_is_still_there(
    tmp_path: Path, ollama: ScriptedOllama, gate: threading.Event
) -> None:
    with running(tmp_path, ollama.host, abandon_grace=1.0) as backend, backend.client() as client:
        backend.wait_ready()
        leave(backend, ONE)
        with ThreadPoolExecutor(1) as pool:
            again = pool.submit(client.post, "/generate_report", json=ONE)
            wait_for(lambda: any(job.attended for job in backend.service.jobs.jobs.values()))
            gate.set()
            assert again.result().status_code == 200
    assert chats(ollama) == 1


def test_a_report_asked_for_in_the_background_needs_no_reader(
    tmp_path: Path, ollama: ScriptedOllama, gate: threading.Event
) -> None:
    with running(tmp_path, ollama.host, abandon_grace=0.05) as backend, backend.client() as client:
        backend.wait_ready()
        client.post("/reports", json={**ONE, "id": "job-1"})
        with client.stream("GET", "/reports/job-1/events") as stream:
            lines = stream.iter_lines()
            next(lines)
        gate.set()
        wait_for(lambda: status(client, "job-1")() == "done")


def test_results_are_kept_until_collected_and_the_collected_go_first(client: httpx.Client, backend: Backend) -> None:
    jobs = backend.service.jobs
    for number in range(3):
        client.post("/reports", json={**ONE, "id": f"job-{number}"})
        wait_for(jobs.jobs[f"job-{number}"].done.is_set)
    assert client.get("/reports/job-1").json()["status"] == "done"
    for number in range(KEPT - 2):
        job = Job(f"old-{number}", jobs.jobs["job-0"].request, "x", status=Status.DONE, collected=number > 0)
        jobs.jobs[job.id] = job
    client.post("/reports", json={**ONE, "id": "job-new"})
    assert "job-1" not in jobs.jobs
    assert {"job-0", "job-2", "old-0"} <= set(jobs.jobs)
    assert len(jobs.jobs) <= KEPT


def test_a_finished_report_that_is_asked_for_again_is_collected_with_the_answer(
    client: httpx.Client, backend: Backend
) -> None:
    body = {**ONE, "id": "job-1"}
    jobs = backend.service.jobs.jobs
    assert client.post("/reports", json=body).json()["result"] is None
    wait_for(jobs["job-1"].done.is_set)
    assert not jobs["job-1"].collected
    again = client.post("/reports", json=body)
    assert (again.status_code, again.json()["result"]["success"]) == (202, True)
    assert jobs["job-1"].collected, "the whole report went out, as with GET"


def test_a_drain_waits_for_the_finished_report_to_be_collected(
    backend: Backend, client: httpx.Client, gate: threading.Event
) -> None:
    import asyncio

    client.post("/reports", json={**ONE, "id": "running"})
    wait_for(lambda: status(client, "running")() == "running")
    draining = asyncio.run_coroutine_threadsafe(drain(backend.service, 10), backend.loop)
    gate.set()
    wait_for(backend.service.jobs.jobs["running"].done.is_set)
    assert not draining.done()
    assert client.get("/reports/running").json()["result"]["success"] is True
    draining.result(5)
