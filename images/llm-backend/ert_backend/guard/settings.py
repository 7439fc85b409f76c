"""Guard settings: parses the guard's environment variables.

The guard must arm the off-switch in any case, so an invalid value is replaced by the default and logged, and never ends
it. Only the instance's own id and key are required.
"""

from __future__ import annotations

import ipaddress
import math
import re
import secrets
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ert_backend.base.allowance import Grant
from ert_backend.base.limits import Limits
from ert_backend.guard.clouds import known
from ert_backend.guard.clouds.cloud import Cloud
from ert_backend.guard.rules import Action, Rules

# Ollama has no authentication: it always listens on loopback.
OLLAMA_DEFAULTS = {
    "OLLAMA_HOST": "127.0.0.1:11434",
    "OLLAMA_CONTEXT_LENGTH": "16384",
    "OLLAMA_NUM_PARALLEL": "1",
    "OLLAMA_MAX_LOADED_MODELS": "1",
    "OLLAMA_KEEP_ALIVE": "-1",
    "OLLAMA_NO_CLOUD": "1",
    "OLLAMA_NOPRUNE": "1",
}
NOT_FOR_APP = known.KEYS
NOT_FOR_OLLAMA = NOT_FOR_APP | {"ERT_API_KEY", "ERT_BOOT_SECRET", "ERT_KEY_HASHES", "ERT_TOKEN"}


OLLAMA, OPENAI = "ollama", "openai"
MOST_APPS = 8
APP = re.compile(r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]{1,253})(:\d{1,5})?")
# Replaces a missing command: its exit is logged, and the off-switch works as usual.
NO_COMMAND = (sys.executable, "-c", "raise SystemExit('ERT_ENGINE_CMD is missing: no engine is started')")


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """Rules in money seconds (0 disables one); `term_grace` and `engine_hang` in real seconds; `problems` for the log.

    `ollama` is the command of the engine that `engine` names; `container_id` and `container_key` are the machine's own
    at its `cloud`. `apps` are the addresses of the apps that get its last message.
    """

    idle_stop: float
    boot_deadline: float
    max_lifetime: float
    drain_cap: float
    speed: float
    term_grace: float
    engine_hang: float
    budget: Grant | None
    at_budget: Action
    cloud: Cloud
    cloud_url: str
    container_id: str
    container_key: str = field(repr=False)
    data_dir: Path
    token: str
    run: str
    ollama: tuple[str, ...]
    engine: str
    enabled: bool
    problems: tuple[str, ...]
    apps: tuple[str, ...] = ()

    def rules(self, limits: Limits | None) -> Rules:
        """Return the limits that the owner set last, or without any those that the machine was created with."""
        if limits is None:
            return Rules(self.idle_stop, self.boot_deadline, self.max_lifetime, self.drain_cap, self.at_budget)
        given = limits.idle_stop, limits.boot_deadline, limits.max_lifetime
        return Rules(*given, self.drain_cap, self.at_budget)

    @property
    def can_act(self) -> bool:
        """Whether the guard has the id and the key to stop its own machine."""
        return bool(self.container_id and self.container_key)


def load(env: Mapping[str, str]) -> GuardSettings:
    """Parse the guard's settings; never raises."""
    problems: list[str] = []

    def number(name: str, default: float, least: float = 0.0) -> float:
        value = _number(env.get(name, ""))
        if value is None and not env.get(name, "").strip():
            return default
        if value is None or value < least:
            problems.append(f"{name} is not a number of {least:g} or more, {default:g} is used")
            return default
        return value

    cloud = _cloud(env, problems)
    data_dir = Path(env.get("ERT_DATA_DIR", "").strip() or "/data")
    return GuardSettings(
        idle_stop=number("ERT_IDLE_STOP", 1200),
        boot_deadline=number("ERT_BOOT_DEADLINE", 2700),
        max_lifetime=number("ERT_MAX_LIFETIME", 43200),
        drain_cap=number("ERT_DRAIN_CAP", 600),
        speed=number("ERT_CLOCK_SPEED", 1, least=0.001),
        # At least the grace that the app has for its active report, plus the time to return it.
        term_grace=number("ERT_TERM_GRACE", number("ERT_DRAIN_GRACE", 4) + 4),
        engine_hang=number("ERT_ENGINE_HANG", 180),
        budget=_budget(env, problems),
        at_budget=Action.DESTROY if env.get("ERT_AT_BUDGET", "").strip() == Action.DESTROY else Action.STOP,
        cloud=cloud,
        cloud_url=(env.get(cloud.url_variable, "").strip() or cloud.url).rstrip("/"),
        container_id=cloud.own_id(env),
        container_key=env.get(cloud.key_variable, "").strip(),
        data_dir=data_dir,
        token=env.get("ERT_TOKEN", "").strip(),
        run=secrets.token_hex(8),
        ollama=_command(env, problems),
        engine=_engine(env, problems),
        enabled=env.get("ERT_GUARD", "").strip().lower() != "off",
        apps=_apps(env, problems),
        problems=tuple(problems),
    )


def app_environment(env: Mapping[str, str], settings: GuardSettings) -> dict[str, str]:
    """Return the app's environment: all variables but the key that stops machines."""
    package = str(Path(__file__).resolve().parents[2])
    path = ":".join(part for part in (package, env.get("PYTHONPATH", "")) if part)
    kept = {name: value for name, value in env.items() if name not in NOT_FOR_APP}
    host = engine_host(env)
    ours = {"ERT_RUN": settings.run, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
    return {**kept, **ours, "OLLAMA_HOST": host, "ERT_ENGINE_HOST": host}


def engine_host(env: Mapping[str, str]) -> str:
    """Return the engine's address, always on loopback: no engine requires a key."""
    name = "ERT_ENGINE_HOST" if env.get("ERT_ENGINE", "").strip() == OPENAI else "OLLAMA_HOST"
    return ollama_host(env.get(name, ""))


def ollama_environment(env: Mapping[str, str], settings: GuardSettings) -> dict[str, str]:
    """Return the engine's environment: Ollama's pinned settings, the address on loopback, and no secrets."""
    kept = {name: value for name, value in env.items() if name not in NOT_FOR_OLLAMA}
    given = {name: value for name, value in kept.items() if name in OLLAMA_DEFAULTS and value.strip()}
    models = kept.get("OLLAMA_MODELS") or str(settings.data_dir / "models")
    host = engine_host(env)
    if kept.get("OLLAMA_KV_CACHE_TYPE", "f16") != "f16":
        kept.setdefault("OLLAMA_FLASH_ATTENTION", "1")  # without it a smaller cache type is ignored
    places = {"OLLAMA_HOST": host, "ERT_ENGINE_HOST": host, "OLLAMA_MODELS": models}
    return {**kept, **OLLAMA_DEFAULTS, **given, **places}


def ollama_host(text: str) -> str:
    """Return the address if it is on loopback, otherwise the same port on loopback."""
    host, _, port = text.strip().rpartition("://")[2].rstrip("/").rpartition(":")
    port = port if re.fullmatch(r"\d{1,5}", port) else "11434"
    return f"{host}:{port}" if _is_loopback(host) else f"127.0.0.1:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _cloud(env: Mapping[str, str], problems: list[str]) -> Cloud:
    cloud = known.named(env.get("ERT_CLOUD", "").strip())
    if cloud is None:
        names = " or ".join(one.name for one in known.CLOUDS)
        problems.append(f"ERT_CLOUD is not {names}, {known.DEFAULT.name} is used")
        return known.DEFAULT
    return cloud


def _budget(env: Mapping[str, str], problems: list[str]) -> Grant | None:
    """Return the budget that the machine was created with. One that cannot be read is none to spend."""
    text = env.get("ERT_BUDGET_SECONDS", "").strip()
    if not text:
        return None
    try:
        return Grant(int(text))
    except ValueError:
        problems.append("ERT_BUDGET_SECONDS is not a whole number of 0 or more, 0 is used")
        return Grant(0)


def _apps(env: Mapping[str, str], problems: list[str]) -> tuple[str, ...]:
    """Return the addresses of the apps, without those to which nothing is sent: plain HTTP, except on this machine."""
    given = [one.strip().rstrip("/") for one in env.get("ERT_APP_URLS", "").split(",") if one.strip()]
    kept = tuple(one for one in given[:MOST_APPS] if _is_app(one))
    if len(kept) < len(given):
        problems.append(f"ERT_APP_URLS has addresses that are not https, or more than {MOST_APPS}: they are left out")
    return kept


def _is_app(text: str) -> bool:
    found = APP.fullmatch(text)
    return found is not None and (found["scheme"] == "https" or _is_loopback(found["host"]))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _engine(env: Mapping[str, str], problems: list[str]) -> str:
    name = env.get("ERT_ENGINE", "").strip() or OLLAMA
    if name not in {OLLAMA, OPENAI}:
        problems.append(f"ERT_ENGINE is neither {OLLAMA} nor {OPENAI}, {OLLAMA} is used")
        return OLLAMA
    return name


def _command(env: Mapping[str, str], problems: list[str]) -> tuple[str, ...]:
    ollama = env.get("ERT_ENGINE", "").strip() != OPENAI
    name = "ERT_OLLAMA_CMD" if ollama else "ERT_ENGINE_CMD"
    usual = ("ollama", "serve") if ollama else NO_COMMAND
    try:
        words = tuple(shlex.split(env.get(name, "")))
    except ValueError:
        instead = "`ollama serve` is used" if ollama else "no engine is started"
        problems.append(f"{name} cannot be read as a command, {instead}")
        words = ()
    return words or usual
