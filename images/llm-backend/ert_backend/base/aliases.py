"""Aliases: the guide's names of variables, `PORT`, `HOST`, `OLLAMA_MODEL` and `ERT_API_KEY`, as the names used here.

Where both names are set and do not mean the same, nothing is guessed: that is a problem, which names both.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

PORT, ADDRESS = "8443", "0.0.0.0"  # noqa: S104 - the one published port of the container
KEY = "ERT_API_KEY"  # the key itself; its hash is what this process keeps
_KEY_FORM = re.compile(r"ert-[A-Za-z0-9_-]{32}")


def renamed(env: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the variables under the names used here, and the problems; no value is part of a problem."""
    found, problems = dict(env), list[str]()

    def given(name: str) -> str:
        return env.get(name, "").strip()

    def put(name: str, value: str, alias: str) -> None:
        if given(name) and given(name) != value:
            problems.append(f"{name} and {alias} are both set and differ: remove one of them")
        else:
            found[name] = value

    if model := given("OLLAMA_MODEL"):
        put("ERT_MODEL", model, "OLLAMA_MODEL")
    if given("PORT") or given("HOST"):
        aliases = " and ".join(name for name in ("HOST", "PORT") if given(name))
        put("ERT_BIND", f"{given('HOST') or ADDRESS}:{given('PORT') or PORT}", aliases)
    if key := given(KEY):
        _hashed(key, given("ERT_KEY_HASHES"), found, problems)
    found.pop(KEY, None)
    return found, problems


def _hashed(key: str, hashes: str, found: dict[str, str], problems: list[str]) -> None:
    """Put the key's hash in place of the key, which has to be in the list of hashes where there is one."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    if not _KEY_FORM.fullmatch(key):
        problems.append(f"{KEY} is not ert- and 32 letters, digits, _ or -")
    elif hashes and digest not in {part.strip() for part in hashes.split(",")}:
        problems.append(f"ERT_KEY_HASHES and {KEY} are both set and differ: remove one of them")
    else:
        found["ERT_KEY_HASHES"] = hashes or digest
