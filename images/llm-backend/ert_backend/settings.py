"""Settings: parses the environment variables of the app once, into one frozen value. No other I/O.

An invalid value is reported by the name of its variable and never printed, since some of them are secrets.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ert_backend.base.aliases import renamed
from ert_backend.base.env_values import base_url, digest, loopback_url, on_or_off, temperature
from ert_backend.terms import UNGUARDED, Terms, read_terms

T = TypeVar("T")
OLLAMA, OPENAI = "ollama", "openai"


class SettingsError(ValueError):
    """The environment is invalid; the message is one line that names every invalid variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of the app. Sizes in bytes or tokens, times in real seconds."""

    deployment: str
    token: str
    spec: str
    key_hashes: tuple[bytes, ...] = field(repr=False)
    boot_secret: bytes = field(repr=False)
    model: str
    data_dir: Path
    public_ip: str | None = None
    bind: tuple[str, int] = ("0.0.0.0", 8443)  # noqa: S104 - the one published port of the container
    engine: str = OLLAMA
    engine_url: str = "http://127.0.0.1:11434"
    model_digest: str | None = None
    engine_slots: int = 1
    probe_slots: bool = True
    context: int = 16384
    num_predict: int = 1200
    think: str = "low"
    temperature: float = 0.25
    chat_temperature: float = 1.0
    chat_tokens: int = 4096
    queue_limit: int = 8
    first_token: float = 180.0
    next_token: float = 60.0
    chat_limit: int = 32
    chat_key_limit: int = 16
    chat_key_tokens: int = 120_000
    chat_wait: float = 60.0
    abandon_grace: float = 15.0
    max_body: int = 1_048_576
    head_deadline: float = 5.0
    body_deadline: float = 8.0
    pull_stall: float = 120.0
    report_deadline: float = 1800.0
    report_cpu: int = 30
    fresh_for: float = 120.0
    min_gpu_share: float = 1.0
    min_speed: float | None = None
    drain_grace: float = 4.0
    run: str = UNGUARDED
    board: str = ""
    answer_deadline: float = 30.0
    key_rate: float = 50.0
    address_rate: float = 50.0
    bad_key_rate: float = 0.5
    max_connections: int = 2000
    address_connections: int = 1000
    audit_bytes: int = 8_388_608
    cert_look: float = 60.0
    terms: Terms = field(default_factory=Terms)


def load(env: Mapping[str, str]) -> Settings:
    """Parse the settings from `env`; raise SettingsError, which names all invalid variables at once."""
    env, conflicts = renamed(env)
    reader = _Reader(env, conflicts)
    values = {
        "deployment": reader.need("ERT_DEPLOYMENT", _matching(r"[a-z][a-z0-9-]{0,31}")),
        "token": reader.need("ERT_TOKEN", _matching(r"[0-9a-f]{32}")),
        "spec": reader.need("ERT_SPEC", _matching(r"[0-9a-f]{16}")),
        "key_hashes": reader.need("ERT_KEY_HASHES", _hashes),
        "boot_secret": reader.need("ERT_BOOT_SECRET", lambda text: bytes.fromhex(_matching(r"[0-9a-f]{64}")(text))),
        "model": reader.need("ERT_MODEL", _matching(r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,127}")),
        "data_dir": reader.get("ERT_DATA_DIR", "/data", Path),
        "public_ip": reader.get("PUBLIC_IPADDR", "", _address),
        "bind": reader.get("ERT_BIND", "0.0.0.0:8443", _bind),
        "engine": reader.get("ERT_ENGINE", OLLAMA, _matching(f"{OLLAMA}|{OPENAI}")),
        "engine_url": _engine_url(reader),
        "model_digest": reader.get("ERT_MODEL_DIGEST", "", digest),
        "probe_slots": reader.get("ERT_PROBE_SLOTS", "on", on_or_off),
        "engine_slots": reader.get("OLLAMA_NUM_PARALLEL", "1", _whole(1, 1024)),
        "context": reader.get("OLLAMA_CONTEXT_LENGTH", "16384", _whole(512, 1_048_576)),
        "num_predict": reader.get("ERT_NUM_PREDICT", "1200", _whole(16, 32768)),
        "think": reader.get("ERT_THINK", "low", _matching(r"low|medium|high")),
        "temperature": reader.get("ERT_TEMPERATURE", "0.25", temperature),
        "chat_temperature": reader.get("ERT_CHAT_TEMPERATURE", "1", temperature),
        "chat_tokens": reader.get("ERT_CHAT_TOKENS", "4096", _whole(16, 1_048_576)),
        "queue_limit": reader.get("ERT_QUEUE_LIMIT", "8", _whole(1, 1000)),
        "chat_limit": reader.get("ERT_CHAT_LIMIT", "32", _whole(0, 1000)),
        "chat_key_limit": reader.get("ERT_CHAT_KEY_LIMIT", "16", _whole(1, 1000)),
        "chat_key_tokens": reader.get("ERT_CHAT_KEY_TOKENS", "120000", _whole(1000, 999_999_999)),
        "chat_wait": reader.get("ERT_CHAT_WAIT", "60", _seconds),
        "first_token": reader.get("ERT_FIRST_TOKEN", "180", _seconds),
        "next_token": reader.get("ERT_NEXT_TOKEN", "60", _seconds),
        "abandon_grace": reader.get("ERT_ABANDON_GRACE", "15", _seconds),
        "max_body": reader.get("ERT_MAX_BODY", "1048576", _whole(1024, 67_108_864)),
        "head_deadline": reader.get("ERT_HEAD_DEADLINE", "5", _seconds),
        "body_deadline": reader.get("ERT_BODY_DEADLINE", "8", _seconds),
        "pull_stall": reader.get("ERT_PULL_STALL", "120", _seconds),
        "report_deadline": reader.get("ERT_REPORT_DEADLINE", "1800", _seconds),
        "report_cpu": reader.get("ERT_REPORT_CPU", "30", _whole(1, 3600)),
        "fresh_for": reader.get("ERT_REPORT_FRESH", "120", _seconds),
        "min_gpu_share": reader.get("ERT_MIN_GPU_SHARE", "1", _share),
        "min_speed": reader.get("ERT_MIN_TOKENS_PER_S", "card", _speed),
        "drain_grace": reader.get("ERT_DRAIN_GRACE", "4", _seconds),
        "answer_deadline": reader.get("ERT_ANSWER_DEADLINE", "30", _seconds),
        "key_rate": reader.get("ERT_KEY_RATE", "50", _rate),
        "address_rate": reader.get("ERT_ADDRESS_RATE", "50", _rate),
        "bad_key_rate": reader.get("ERT_BAD_KEY_RATE", "0.5", _rate),
        "max_connections": reader.get("ERT_MAX_CONNECTIONS", "2000", _whole(1, 100_000)),
        "address_connections": reader.get("ERT_ADDRESS_CONNECTIONS", "1000", _whole(1, 100_000)),
        "audit_bytes": reader.get("ERT_AUDIT_BYTES", "8388608", _whole(4096, 999_999_999)),
        "cert_look": reader.get("ERT_CERT_LOOK", "60", _seconds),
        "run": reader.get("ERT_RUN", UNGUARDED, _matching(r"[a-z0-9]{1,64}")),
        "board": reader.get("ERT_BOARD", "", _matching(r"\d{0,9}")),
    }
    if reader.bad:
        raise SettingsError("cannot use the environment: " + "; ".join(reader.bad))
    return Settings(**values, terms=read_terms(env))  # type: ignore[arg-type]


def _engine_url(reader: _Reader) -> str | None:
    """Return the engine's address. An OpenAI server must be on loopback, because it does not require a key."""
    if reader.env.get("ERT_ENGINE", "").strip() != OPENAI:
        return reader.get("OLLAMA_HOST", "127.0.0.1:11434", base_url)
    return reader.get("ERT_ENGINE_HOST", "127.0.0.1:11434", loopback_url)


class _Reader:
    """Reads one variable at a time and collects the errors."""

    def __init__(self, env: Mapping[str, str], problems: list[str]) -> None:
        self.env = env
        self.bad = problems

    def need(self, name: str, parse: Callable[[str], T]) -> T | None:
        if not self.env.get(name, "").strip():
            self.bad.append(f"{name} is missing")
            return None
        return self.get(name, "", parse)

    def get(self, name: str, default: str, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(self.env.get(name, "").strip() or default)
        except ValueError as error:
            self.bad.append(f"{name} {error}")
            return None


def _matching(pattern: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"does not match {pattern}")
        return text

    return parse


def _hashes(text: str) -> tuple[bytes, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(re.fullmatch(r"[0-9a-f]{64}", part) for part in parts):
        raise ValueError("is not a list of SHA-256 hashes in hex")
    return tuple(bytes.fromhex(part) for part in parts)


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text)) if text else None
    except ValueError:
        raise ValueError("is not an IP address") from None


def _bind(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return _address(host) or "0.0.0.0", _whole(0, 65535)(port)  # noqa: S104 - as the default


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(f"is not a whole number from {low} to {high}")
        return int(text)

    return parse


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("is not a number") from None
    if not math.isfinite(value) or value < 0:
        raise ValueError("is not a finite number of 0 or more")
    return value


def _seconds(text: str) -> float:
    value = _number(text)
    if not 0 < value <= 864_000:
        raise ValueError("is not a number of seconds above 0")
    return value


def _rate(text: str) -> float:
    value = _number(text)
    if not 0.001 <= value <= 1_000_000:
        raise ValueError("is not a number from 0.001 to 1000000")
    return value


def _speed(text: str) -> float | None:
    """Parse tokens per second; None for `card`, the known speed of the GPU in use."""
    return None if text == "card" else _number(text)


def _share(text: str) -> float:
    value = _number(text)
    if value > 1:
        raise ValueError("is not between 0 and 1")
    return value
