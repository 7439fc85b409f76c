"""Credentials: loads the API key of a provider, the state key and secret variables from the environment or a file.

Keys are never taken from a command line, and no message contains any part of one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ert_deploy.config.providers import every
from ert_deploy.config.settings import ALLOW_HOST, STATE, STATE_KEY, KeySource, Notify
from ert_deploy.config.yaml.regular_file import Unreadable, read_plain
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.model_server import ExtraVariable
from ert_deploy.core.model.secret import Secret

MOST_CHARACTERS = 512
MOST_OF_A_VALUE = 1024  # characters of a variable of the container, as in the config
LEAST_STATE_KEY = 32  # characters: whoever can read a state can guess keys offline
MOST_ADDRESSES = 16  # that notices are sent to
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9]{0,31}://[\x21-\x7e]{1,2000}")
_QUOTES = "\"'\u2018\u2019\u201c\u201d\u00ab\u00bb`"


def read_key(source: KeySource, env: Mapping[str, str]) -> Secret:
    """Return the API key of one provider from its variable or else its file. Raise `UsageError`."""
    found = env.get(source.env)
    if found:
        return _checked(found, source, source.env)
    if source.file is not None:
        return _checked(_from_file(source, source.file), source, str(source.file))
    state = "is set but empty" if found == "" else "is not set"
    raise UsageError(f"no {source.what}: {source.env} {state}", source.note, hint=_advice(source))


def read_state_key(source: KeySource | None, env: Mapping[str, str]) -> Secret | None:
    """Return the key for signing the state; None if none is set or required. Raise `UsageError`."""
    if source is None:
        if not env.get(STATE_KEY):
            return None
        source = KeySource(STATE, STATE_KEY)
    key = read_key(source, env)
    if len(key.reveal()) < LEAST_STATE_KEY:
        raise UsageError(
            f"the state key is shorter than {LEAST_STATE_KEY} characters", hint="`openssl rand -hex 32` makes one"
        )
    return key


def read_variables(extra: Iterable[ExtraVariable], env: Mapping[str, str]) -> tuple[ExtraVariable, ...]:
    """Return the variables of `launch/env`, those with a source with the value of it, if it is set.

    Raises `UsageError` for a value that no container could get.
    """
    return tuple(_valued(one, env.get(one.source, "").removesuffix("\n")) if one.source else one for one in extra)


def _valued(one: ExtraVariable, value: str) -> ExtraVariable:
    if len(value) > MOST_OF_A_VALUE or not value.isprintable():
        raise UsageError(
            f"the value of {one.name} in {one.source} is not one line of at most {MOST_OF_A_VALUE} characters",
            hint="copy only the secret",
        )
    return replace(one, value=value)


def read_addresses(notify: Notify, env: Mapping[str, str]) -> tuple[Secret, ...]:
    """Return the addresses that notices are sent to; none where the variable is not set. Raise `UsageError`."""
    found = tuple(env.get(notify.urls, "").split())
    wrong = [at for at, one in enumerate(found, 1) if not _ADDRESS.fullmatch(one)]
    if wrong:
        raise UsageError(
            f"address {wrong[0]} in {notify.urls} is not one of Apprise",
            hint="such as mailto://, discord:// or json://, separated by spaces (github.com/caronc/apprise/wiki)",
        )
    if len(found) > MOST_ADDRESSES:
        raise UsageError(f"{notify.urls} has {len(found)} addresses", hint=f"name at most {MOST_ADDRESSES}")
    return tuple(Secret(one) for one in found)


def allowed_hosts(env: Mapping[str, str]) -> frozenset[str]:
    """Return the hosts, in addition to those of the providers, that the environment allows to receive an API key."""
    return frozenset(host.strip().lower() for host in env.get(ALLOW_HOST, "").split(",") if host.strip())


def _from_file(source: KeySource, path: Path) -> str:
    try:
        about, data = read_plain(path, MOST_CHARACTERS * 4)
        _must_be_private(source, path, about)
        return data.decode()
    except Unreadable as reason:
        raise UsageError(f"no {source.what}: {path}: {reason}", hint=_advice(source)) from None
    except UnicodeDecodeError:
        # Not chained: the error contains the bytes of the file.
        raise UsageError(f"the {source.what} in {path} is not text") from None


def _must_be_private(source: KeySource, path: Path, about: os.stat_result) -> None:
    if about.st_uid != os.geteuid():
        raise UsageError(
            f"the {source.provider} key file {path} belongs to another user", hint="use a file of your own"
        )
    if about.st_mode & 0o077:
        raise UsageError(
            f"the {source.provider} key file {path} can be read by others (mode {about.st_mode & 0o777:04o})",
            hint=f"chmod 600 {path}",
        )


def _checked(text: str, source: KeySource, place: str) -> Secret:
    """Validate a key. One trailing newline of an editor or shell is removed; anything else unusual is a copy error."""
    key = text.removesuffix("\n").removesuffix("\r")
    wrong = next((what for what, is_so in _faults(key) if is_so), "")
    if wrong:
        raise UsageError(f"the {source.what} in {place} {wrong}", hint="copy only the key")
    return Secret(key)


def _faults(key: str) -> tuple[tuple[str, bool], ...]:
    return (
        ("is empty", not key),
        ("holds white space or a line break", any(character.isspace() for character in key)),
        ("holds a quotation mark", any(character in _QUOTES for character in key)),
        ("holds a character that no key has", not (key.isascii() and key.isprintable())),
        (f"is longer than {MOST_CHARACTERS} characters", len(key) > MOST_CHARACTERS),
    )


def _advice(source: KeySource) -> str:
    if source.provider == STATE:
        return f"export {source.env}=...  with the key that the state is signed with (`openssl rand -hex 32` makes one)"
    section = next(provider.section for provider in every() if provider.name == source.provider)
    return f"export {source.env}=...  or name a file with mode 0600 as {section}/key/file in the config"
