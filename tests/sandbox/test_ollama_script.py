"""The scripted Ollama against the independent `ollama` client, and against the raw wire format where it matters."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import ollama
import pytest

GPT = {
    "name": "gpt-oss:20b",
    "size": 13793441244,
    "digest": "17052f91a42e" + "0" * 52,
    "thinking": True,
    "family": "gptoss",
}
MISTRAL = {"name": "mistral", "size": 4372824384, "context_length": 32768}


class Double:
    """One running `python -m ert_deploy.sandbox.ollama` and its script."""

    def __init__(self, script: Path, **env: str) -> None:
        self.script = script
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("OLLAMA", "ERT"))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ert_deploy.sandbox.ollama"],
            env={**clean, "OLLAMA_HOST": "127.0.0.1:0", "ERT_OLLAMA_SCRIPT": str(script), **env},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert line.startswith("Listening on "), line
        self.url = f"http://{line.split()[2]}"
        self.client = ollama.Client(self.url)

    def says(self, **script: Any) -> ollama.Client:
        """Replace the script; `models` defaults to a thinking and a plain model."""
        self.script.write_text(json.dumps({"models": [GPT, MISTRAL], **script}))
        return self.client

    def lines(self, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the NDJSON lines of one call."""
        with httpx.stream("POST", self.url + path, json=body) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "application/x-ndjson"
            return [json.loads(line) for line in answer.iter_lines()]

    def end(self) -> int:
        """Send SIGTERM; return the exit code."""
        self.client.close()  # type: ignore[no-untyped-call]
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(5)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Double]]:
    running: list[Double] = []

    def begin(**env: str) -> Double:
        script = tmp_path_factory.mktemp("script") / "script.json"
        script.write_text("{}")
        running.append(Double(script, **env))
        return running[-1]

    yield begin
    for double in running:
        if double.process.poll() is None:
            double.end()


@pytest.fixture(scope="module")
def double(start: Callable[..., Double]) -> Double:
    return start(OLLAMA_CONTEXT_LENGTH="16384")


def chat(client: ollama.Client, text: str = "Hello", model: str = "mistral", **more: Any) -> ollama.ChatResponse:
    answer: ollama.ChatResponse = client.chat(model, messages=[{"role": "user", "content": text}], **more)
    return answer


def test_models_are_listed_with_their_tags(double: Double) -> None:
    listed = double.says().list().models
    assert [(m.model, m.size) for m in listed] == [("gpt-oss:20b", 13793441244), ("mistral:latest", 4372824384)]
    assert listed[0].digest == GPT["digest"]


def test_show_tells_context_and_capabilities(double: Double) -> None:
    client = double.says()
    shown = client.show("GPT-OSS:20b")
    assert shown.capabilities == ["completion", "thinking"]
    assert shown.modelinfo == {"general.architecture": "gptoss", "gptoss.context_length": 131072}
    assert client.show("mistral").modelinfo == {"general.architecture": "mistral", "mistral.context_length": 32768}


@pytest.mark.parametrize("call", ["show", "chat", "generate"])
def test_an_unknown_model_is_a_404(double: Double, call: str) -> None:
    with pytest.raises(ollama.ResponseError) as caught:
        getattr(double.says(), call)("llama3.2:8b")
    assert (caught.value.status_code, caught.value.error) == (404, "model 'llama3.2:8b' not found")


def test_an_empty_chat_loads_the_model_and_keep_alive_zero_unloads_it(double: Double) -> None:
    client = double.says()
    assert client.chat("mistral", messages=[]).done_reason == "load"
    (running,) = client.ps().models
    assert (running.model, running.context_length) == ("mistral:latest", 16384)
    assert running.size_vram == running.size
    assert client.chat("mistral", messages=[], keep_alive=0).done_reason == "unload"
    assert client.ps().models == []


def test_a_part_of_the_model_may_be_off_the_card(double: Double) -> None:
    client = double.says(vram=0.5)
    client.chat("mistral", messages=[], options={"num_ctx": 8192})
    (running,) = client.ps().models
    assert running.size is not None
    assert running.size_vram == pytest.approx(running.size / 2, abs=1)
    assert running.context_length == 8192


def test_a_reply_is_chosen_by_the_prompt_and_streamed_word_by_word(double: Double) -> None:
    client = double.says(replies=[{"match": "weather", "content": "It rains."}, {"match": "", "content": "Who knows."}])
    parts = list(client.chat("mistral", messages=[{"role": "user", "content": "the weather?"}], stream=True))
    assert [p.message.content for p in parts] == ["It ", "rains.", ""]
    assert [p.done for p in parts] == [False, False, True]
    assert parts[-1].done_reason == "stop"
    assert parts[-1].eval_count == 2
    assert chat(client, "anything else").message.content == "Who knows."


def test_a_reply_may_quote_the_prompt(double: Double) -> None:
    client = double.says(replies=[{"match": r"about (?P<what>\w+)", "content": r"\g<what> it is", "expand": True}])
    assert client.generate("mistral", "a page about Rome").response == "Rome it is"


def test_thinking_comes_before_content(double: Double) -> None:
    client = double.says(replies=[{"content": "42", "thinking": "Six times seven."}])
    parts = list(client.chat("gpt-oss:20b", messages=[{"role": "user", "content": "6*7"}], stream=True, think="low"))
    assert [p.message.thinking for p in parts] == ["Six ", "times ", "seven.", None, None]
    assert parts[3].message.content == "42"
    assert parts[-1].eval_count == 4


def test_a_model_that_does_not_think_refuses_to(double: Double) -> None:
    with pytest.raises(ollama.ResponseError, match='"mistral" does not support thinking'):
        chat(double.says(), think=True)


def test_a_model_without_tools_refuses_them(double: Double) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    with pytest.raises(ollama.ResponseError, match='"mistral" does not support tools'):
        chat(double.says(), tools=[tool])


def test_with_a_schema_only_the_second_pass_is_counted(double: Double) -> None:
    schema = {"type": "object", "properties": {"grade": {"enum": ["buy", "hold"]}}, "required": ["grade"]}
    answer = chat(double.says(thinking="one two three"), model="gpt-oss:20b", format=schema)
    assert answer.message.content is not None
    assert json.loads(answer.message.content) == {"grade": "buy"}
    assert answer.message.thinking == "one two three"
    assert answer.eval_count == 2


def test_thinking_that_uses_up_the_budget_leaves_an_empty_answer(double: Double) -> None:
    client = double.says(thinking="on and on and on")
    answer = chat(client, model="gpt-oss:20b", options={"num_predict": 3})
    assert (answer.message.content, answer.done_reason, answer.eval_count) == ("", "length", 3)


def test_num_predict_and_stop_cut_the_answer(double: Double) -> None:
    client = double.says(replies=[{"content": "one two three four"}])
    assert chat(client, options={"num_predict": 2}).message.content == "one two "
    assert chat(client, options={"stop": ["three"]}).message.content == "one two "


def test_a_prompt_beyond_the_context_is_refused_when_it_must_not_be_cut(double: Double) -> None:
    double.says()
    body = {"model": "mistral", "truncate": False, "messages": [{"role": "user", "content": "word " * 20000}]}
    answer = httpx.post(double.url + "/api/chat", json=body)
    assert (answer.status_code, answer.json()) == (400, {"error": "the input length exceeds the context length"})


def test_an_error_after_the_first_line_comes_under_200(double: Double) -> None:
    double.says(replies=[{"content": "one two three", "error": "CUDA error", "error_after": 2}])
    lines = double.lines("/api/chat", {"model": "mistral", "messages": [{"role": "user", "content": "x"}]})
    assert [line.get("message", {}).get("content") for line in lines] == ["one ", "two ", None]
    assert lines[-1] == {"error": "CUDA error"}


def test_an_error_before_the_first_line_is_a_status(double: Double) -> None:
    client = double.says(replies=[{"content": "", "error": "out of memory", "status": 500, "times": 1}])
    with pytest.raises(ollama.ResponseError, match="out of memory") as caught:
        chat(client)
    assert caught.value.status_code == 500
    assert chat(client).message.content == "This is a scripted answer."


def test_a_busy_server_says_so_with_503(double: Double) -> None:
    client = double.says(busy=1)
    with pytest.raises(ollama.ResponseError, match="maximum pending requests exceeded") as caught:
        chat(client)
    assert caught.value.status_code == 503
    assert chat(client).done


def test_a_pull_reports_each_layer_and_ends_in_success(double: Double) -> None:
    client = double.says(models=[{**GPT, "installed": False}], pull={"seconds": 0.1})
    assert client.list().models == []
    parts = list(client.pull("gpt-oss:20b", stream=True))
    assert [p.status for p in parts if not p.digest] == [
        "pulling manifest",
        "verifying sha256 digest",
        "writing manifest",
        "success",
    ]
    layers = [p for p in parts if p.digest]
    assert layers[0].completed is None
    last = {p.digest: (p.completed, p.total) for p in layers}
    assert all(completed == total for completed, total in last.values())
    assert sum(total or 0 for _, total in last.values()) == GPT["size"]
    assert client.list().models[0].model == "gpt-oss:20b"
    client.delete("gpt-oss:20b")
    assert client.list().models == []


def test_a_pull_that_broke_resumes_where_it_was(double: Double) -> None:
    model = {**MISTRAL, "name": "broken:7b", "installed": False}
    client = double.says(models=[model], pull={"seconds": 0.2, "error_after": 0.5, "error": "EOF", "times": 1})
    with pytest.raises(ollama.ResponseError, match="EOF"):
        list(client.pull("broken:7b", stream=True))
    done = [p.completed for p in client.pull("broken:7b", stream=True) if p.total and p.total > 1000 and p.completed]
    assert min(done) > 4372824384 * 0.5


def test_a_pull_that_stalls_says_nothing_new_until_its_client_leaves(double: Double) -> None:
    model = {**MISTRAL, "name": "stalled:7b", "installed": False}
    double.says(models=[model], pull={"seconds": 0.1, "stall_after": 0.3, "times": 1})
    seen = []
    with httpx.stream("POST", double.url + "/api/pull", json={"model": "stalled:7b"}) as answer:
        for line in answer.iter_lines():
            seen.append(json.loads(line).get("completed"))
            if len(seen) > 8:
                break
    assert seen[-4:] == [seen[-1]] * 4
    assert double.client.pull("stalled:7b").status == "success"


def test_a_pull_of_an_unknown_model_fails_under_200(double: Double) -> None:
    double.says()
    lines = double.lines("/api/pull", {"model": "nobody:1b"})
    assert lines == [{"status": "pulling manifest"}, {"error": "pull model manifest: file does not exist"}]


def test_a_client_that_leaves_takes_its_generation_along(double: Double) -> None:
    client = double.says(replies=[{"match": "long", "content": "word " * 100, "token_delay": 0.1}])
    body = {"model": "mistral", "messages": [{"role": "user", "content": "long"}]}
    with httpx.stream("POST", double.url + "/api/chat", json=body) as answer:
        next(answer.iter_lines())
    begin = time.monotonic()
    assert chat(client, "short").done
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"", 400, "missing request body"),
        (b"{", 400, "invalid character in request body"),
        (b"[1]", 400, "json: cannot unmarshal list into Go value of type api.Request"),
        (b"{}", 400, "model is required"),
        (b'{"model":"a b"}', 400, "invalid model name"),
        (b'{"model":"mistral","keep_alive":"5 apples"}', 400, 'time: invalid duration "5 apples"'),
        (b'{"model":"mistral","options":{"num_ctx":"x"}}', 500, 'option "num_ctx" must be of type integer'),
    ],
)
def test_bad_requests_get_a_plain_error(double: Double, body: bytes, status: int, error: str) -> None:
    double.says()
    answer = httpx.post(double.url + "/api/chat", content=body)
    assert (answer.status_code, answer.json()) == (status, {"error": error})


def test_small_answers_are_those_of_ollama(double: Double) -> None:
    assert httpx.get(double.url).text == "Ollama is running"
    head = httpx.head(double.url)
    assert (head.status_code, head.content) == (200, b"")
    assert httpx.get(double.url + "/api/version").content == b'{"version":"0.35.0-sandbox"}'
    assert httpx.get(double.url + "/api/chat").text == "405 method not allowed"
    assert httpx.get(double.url + "/nowhere").text == "404 page not found"
    assert httpx.get(double.url, headers={"Host": "attacker.example"}).status_code == 403


def test_sigterm_ends_it_at_once_with_code_0(start: Callable[..., Double]) -> None:
    double = start()
    double.says(replies=[{"content": "word " * 1000, "token_delay": 0.05}])
    body = {"model": "mistral", "messages": [{"role": "user", "content": "x"}]}
    with httpx.stream("POST", double.url + "/api/chat", json=body) as answer:
        next(answer.iter_lines())
        begin = time.monotonic()
        assert double.end() == 0
    assert time.monotonic() - begin < 2
