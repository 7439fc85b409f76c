"""Small rules of Ollama's wire format."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ert_deploy.sandbox.ollama.__main__ import settings_from, split_host
from ert_deploy.sandbox.ollama.gguf import human
from ert_deploy.sandbox.ollama.replies import smallest
from ert_deploy.sandbox.ollama.wire import (
    FOREVER,
    Metrics,
    Refusal,
    chat_line,
    encode,
    finished,
    generate_line,
    host_allowed,
    keep_alive,
    merged,
    normalised,
    same_name,
    timestamp,
)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, 300.0),
        (0, 0.0),
        ("0", 0.0),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("1.5s", 1.5),
        (-1, FOREVER),
        ("-1", FOREVER),
    ],
)
def test_keep_alive_is_a_number_of_seconds_or_a_go_duration(said: object, seconds: float) -> None:
    assert keep_alive(said, 300.0) == seconds


@pytest.mark.parametrize("said", ["soon", "5 m", "m", [1], True])
def test_any_other_keep_alive_is_refused(said: object) -> None:
    with pytest.raises(Refusal):
        keep_alive(said, 300.0)


def test_json_is_written_as_go_writes_it() -> None:
    assert encode({"a": "<b> & é"}) == '{"a":"\\u003cb\\u003e \\u0026 é"}'.encode()


def test_times_have_their_fraction_trimmed() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00Z"
    assert timestamp(1.5) == "1970-01-01T00:00:01.5Z"


def test_names_are_compared_with_their_tags() -> None:
    assert normalised("mistral") == "mistral:latest"
    assert same_name("Mistral", "mistral:latest")
    assert not same_name("mistral", "mistral:7b")
    with pytest.raises(Refusal, match="invalid model name"):
        normalised("../etc/passwd")


@pytest.mark.parametrize("host", ["127.0.0.1:11434", "localhost", "[::1]:11434", "10.0.0.3", "box.internal:80", ""])
def test_hosts_that_loopback_answers_to(host: str) -> None:
    assert host_allowed(host)


@pytest.mark.parametrize("host", ["attacker.example", "8.8.8.8:11434", "localhost.attacker.example"])
def test_hosts_that_it_does_not(host: str) -> None:
    assert not host_allowed(host)


def test_the_last_line_leaves_zeros_out() -> None:
    last = finished(chat_line("m"), "stop", Metrics(total_duration=5, eval_count=1))
    assert list(last) == ["model", "created_at", "message", "done", "done_reason", "total_duration", "eval_count"]


@given(st.lists(st.tuples(st.text(), st.text()), max_size=6))
def test_a_merged_stream_says_the_same_as_its_lines(pieces: list[tuple[str, str]]) -> None:
    content, thinking = "".join(c for c, _ in pieces), "".join(t for _, t in pieces)
    chat = merged([*(chat_line("m", c, t) for c, t in pieces), finished(chat_line("m"), "stop")])
    assert (chat["message"]["content"], chat["message"].get("thinking", "")) == (content, thinking)
    made = merged([*(generate_line("m", c, t) for c, t in pieces), finished(generate_line("m"), "stop")])
    assert (made["response"], made.get("thinking", "")) == (content, thinking)
    assert made["done"] is chat["done"] is True


def test_ollama_host_may_lack_parts() -> None:
    assert split_host("") == ("127.0.0.1", 11434)
    assert split_host("http://127.0.0.1:8080/") == ("127.0.0.1", 8080)
    assert split_host("0.0.0.0") == ("0.0.0.0", 11434)


def test_the_environment_is_read_as_ollama_reads_it() -> None:
    settings = settings_from({"OLLAMA_KEEP_ALIVE": "-1", "OLLAMA_CONTEXT_LENGTH": "16384", "OLLAMA_MODELS": "/disk"})
    assert settings.limits.keep_alive == FOREVER
    assert settings.limits.context == 16384
    assert str(settings.models) == "/disk"


def test_the_smallest_instance_of_a_schema() -> None:
    schema = {
        "$defs": {"risk": {"type": "object", "properties": {"title": {"type": "string", "maxLength": 4}}}},
        "type": "object",
        "properties": {
            "grade": {"enum": ["buy", "sell"]},
            "risks": {"type": "array", "items": {"$ref": "#/$defs/risk"}, "minItems": 1},
            "target": {"anyOf": [{"type": "number", "minimum": 3}, {"type": "null"}]},
            "extra": {"type": "string"},
        },
        "required": ["grade", "risks", "target"],
    }
    assert smallest(schema, schema) == {"grade": "buy", "risks": [{"title": "A sc"}], "target": 3}


def test_parameter_counts_are_written_as_ollama_writes_them() -> None:
    assert (human(134515008), human(20_914_757_184), human(512)) == ("134.52M", "20.9B", "512")
