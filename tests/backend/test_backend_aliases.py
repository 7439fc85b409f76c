"""The guide's variable names: accepted like ours, an error where both are set and differ, and no key is repeated."""

from __future__ import annotations

import hashlib

import pytest

from ert_backend.guard import settings as guard
from ert_backend.settings import SettingsError, load
from tests.support.backend.rig import ENV

KEY = "ert-" + "aB3_-" * 6 + "xy"
HASH = hashlib.sha256(KEY.encode()).hexdigest()


def without(*names: str, **more: str) -> dict[str, str]:
    return {name: value for name, value in ENV.items() if name not in names} | more


def test_each_name_is_taken_for_ours() -> None:
    env = without("ERT_MODEL", "ERT_KEY_HASHES", "ERT_BIND", OLLAMA_MODEL="mistral:7b", ERT_API_KEY=f" {KEY}\n")
    settings = load({**env, "HOST": "127.0.0.1", "PORT": "9000"})
    assert (settings.model, settings.bind) == ("mistral:7b", ("127.0.0.1", 9000))
    assert settings.key_hashes == (bytes.fromhex(HASH),)
    assert KEY not in repr(settings)


@pytest.mark.parametrize(
    ("given", "bind"),
    [({"PORT": "9000"}, ("0.0.0.0", 9000)), ({"HOST": "127.0.0.1"}, ("127.0.0.1", 8443)), ({}, ("0.0.0.0", 8443))],
)
def test_what_is_not_given_is_the_default(given: dict[str, str], bind: tuple[str, int]) -> None:
    assert load(without("ERT_BIND", **given)).bind == bind


def test_both_names_with_one_meaning_are_no_conflict() -> None:
    env = without("ERT_KEY_HASHES", ERT_KEY_HASHES=f"{'0' * 64}, {HASH}", ERT_API_KEY=KEY)
    env |= {"ERT_MODEL": "mistral:7b", "OLLAMA_MODEL": "mistral:7b", "ERT_BIND": "0.0.0.0:9000", "PORT": "9000"}
    settings = load(env)
    assert (settings.model, settings.bind, len(settings.key_hashes)) == ("mistral:7b", ("0.0.0.0", 9000), 2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ERT_MODEL": "a:1", "OLLAMA_MODEL": "b:1"}, "ERT_MODEL and OLLAMA_MODEL are both set and differ"),
        ({"ERT_BIND": "0.0.0.0:1", "PORT": "2"}, "ERT_BIND and PORT are both set and differ"),
        ({"ERT_BIND": "0.0.0.0:1", "PORT": "1", "HOST": "127.0.0.1"}, "ERT_BIND and HOST and PORT are both"),
        ({"ERT_KEY_HASHES": "0" * 64, "ERT_API_KEY": KEY}, "ERT_KEY_HASHES and ERT_API_KEY are both set and differ"),
        ({"ERT_API_KEY": "your-secret-key-here"}, "ERT_API_KEY is not ert- and 32"),
        ({"PORT": "http"}, "ERT_BIND is not a whole number"),
        ({"HOST": "localhost"}, "ERT_BIND is not an IP address"),
    ],
)
def test_a_conflict_is_an_error_that_names_both_and_no_value(given: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        load(without("ERT_BIND", *given) | given)
    assert said in str(wrong.value)
    assert not any(value in str(wrong.value) for value in given.values() if len(value) > 4)


def test_all_conflicts_are_named_at_once() -> None:
    env = without("ERT_BIND", ERT_MODEL="a:1", OLLAMA_MODEL="b:1", ERT_BIND="0.0.0.0:1", PORT="2", ERT_QUEUE_LIMIT="x")
    with pytest.raises(SettingsError, match=r"OLLAMA_MODEL.*PORT.*ERT_QUEUE_LIMIT"):
        load(env)


def test_the_engine_never_gets_the_key() -> None:
    env = {**ENV, "ERT_API_KEY": KEY, "PORT": "9000"}
    assert KEY not in guard.ollama_environment(env, guard.load(env)).values()
