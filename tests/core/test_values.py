"""Property tests of `Secret`, `Mark`, API keys, fingerprints and text from outside."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import pickle
import traceback
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ert_deploy.core.model import errors
from ert_deploy.core.model.desired import (
    Criteria,
    Desired,
    Guard,
    Launch,
    Market,
    OwnedNames,
    Phase,
    Target,
)
from ert_deploy.core.model.keys import KEY_BYTES, certificate_sha256, is_key, make_key
from ert_deploy.core.model.labels import Mark, label, parse_label, read_mark
from ert_deploy.core.model.model_server import ExtraVariable, ModelServer
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.text import per_hour, printable
from ert_deploy.core.planning.app_env import change, connected, fingerprint, touched, withdrawn
from tests.support.fakes.market import offer
from tests.support.ids import nth

SAID = st.text(max_size=40).map("s3cret-{}".format)
VALUES = st.dictionaries(st.text(max_size=12), st.text(max_size=12).map(Secret), max_size=8)
NAMES = OwnedNames()
ENVS = st.dictionaries(
    st.sampled_from((*NAMES.all(), "OTHER", "PATH")), st.sampled_from(("a", "b", "true")).map(Secret)
)  # fmt: skip
TOKEN = "0123456789abcdef" * 2

# `Secret`


@given(SAID)
def test_a_secret_is_never_shown(text: str) -> None:
    secret = Secret(text)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>10}", format(secret, ">40"), f"{[secret]}"]
    shown += ["%s %r" % (secret, secret), repr({"k": secret}), repr(Instance(nth(1), boot_secret=secret))]  # noqa: UP031
    assert all(text not in s for s in shown)
    assert shown[0] == "***"
    assert secret.reveal() == text


def test_a_secret_is_not_in_a_traceback_even_with_its_locals() -> None:
    secret = Secret("hunter" + "22")
    try:
        raise ValueError(f"cannot use {secret}")
    except ValueError as error:
        formatted = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "secret = ***" in formatted
    assert secret.reveal() not in formatted


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_cannot_be_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret("x"), protocol)
    with pytest.raises(TypeError):
        copy.deepcopy(Secret("x"))
    with pytest.raises(TypeError):
        json.dumps(Secret("x"))


def test_secrets_are_equal_by_content_to_secrets_alone() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert {Secret("a"), Secret("a")} == {Secret("a")}
    assert not Secret("")
    assert Secret("a")
    assert not hasattr(Secret("a"), "__dict__")


def test_a_secret_may_be_compared_by_its_hash() -> None:
    assert Secret("käse").sha256() == hashlib.sha256("käse".encode()).hexdigest()


# Text from outside


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=400))
def test_printable_text_has_no_control_character_and_an_end(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) <= 300
    assert "\x1b" not in shown
    assert printable(shown) == shown


@given(
    st.lists(
        st.sampled_from(("\x1b", "[", "]", "31m", "0;", "\x07", "\x9b", "\u202e", "\n", "\t", "a", "\x1b\\")),
        max_size=30,
    )
)
def test_printable_text_survives_any_mixture_of_escapes(parts: list[str]) -> None:
    assert printable("".join(parts)).isprintable()


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;https://evil\x1b\\link", "link"),
        ("two\r\nlines\tand\x00nul", "two lines andnul"),
        ("right\u202eto left", "rightto left"),
        (None, "None"),
        ({"error": 7}, "{'error': 7}"),
    ],
)
def test_printable_examples(raw: object, shown: str) -> None:
    assert printable(raw) == shown


def test_printable_text_is_cut_where_it_is_told() -> None:
    assert printable("x" * 50, 10) == "xxxxxxx..."
    assert printable("x" * 10, 10) == "x" * 10


# `Mark`


def test_a_mark_is_read_only_when_label_and_environment_agree() -> None:
    mark = Mark("ert", TOKEN)
    env = {"ERT_DEPLOYMENT": "ert", "ERT_TOKEN": TOKEN}
    assert label(mark) == f"ert1:ert:{TOKEN}"
    assert parse_label(label(mark)) == mark
    assert read_mark(label(mark), env) == mark
    assert read_mark(label(mark), {}) is None
    assert read_mark(label(mark), {**env, "ERT_TOKEN": "f" * 32}) is None
    assert read_mark(label(mark), {**env, "ERT_DEPLOYMENT": "other"}) is None
    assert read_mark(None, env) is None
    assert read_mark("", env) is None


@pytest.mark.parametrize(
    "text",
    [
        f"ert1:Ert:{TOKEN}", f"ert1::{TOKEN}", f"ert1:ert:{TOKEN}0", f"ert1:ert:{TOKEN[1:]}", f"ert2:ert:{TOKEN}",
        f" ert1:ert:{TOKEN}", f"ert1:ert:{TOKEN}\n", f"ert1:ert:{TOKEN.upper()}", f"ert1:{'a' * 33}:{TOKEN}", "C.123",
    ],
)  # fmt: skip
def test_a_label_that_is_not_exactly_ours_is_nobodys(text: str) -> None:
    assert parse_label(text) is None


# Keys and fingerprints


@given(st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES))
def test_a_key_has_the_form_existing_clients_expect(random: bytes) -> None:
    key = make_key(random)
    assert is_key(key)
    assert key.reveal().startswith("ert-")
    assert base64.urlsafe_b64decode(key.reveal()[4:]) == random


def test_a_key_is_made_of_exactly_enough_randomness() -> None:
    with pytest.raises(ValueError, match="24 bytes"):
        make_key(b"short")


@pytest.mark.parametrize(
    "text", ["", "hunter2", "ert-", "ert-" + "a" * 31, "ert-" + "a" * 33, "ert-" + "a" * 31 + "\n"]
)
def test_what_is_not_a_key_of_ours(text: str) -> None:
    assert not is_key(Secret(text))
    assert not is_key(None)


def test_the_fingerprint_of_a_certificate_is_that_of_its_der_bytes() -> None:
    der = b"\x30\x82 not parsed"
    body = base64.b64encode(der).decode()
    pem = f"noise\n-----BEGIN CERTIFICATE-----\n{body[:8]}\n{body[8:]}\n-----END CERTIFICATE-----\nmore\n"
    assert certificate_sha256(pem) == hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----", "nothing"])
def test_what_is_no_certificate_has_no_fingerprint(text: str) -> None:
    with pytest.raises(ValueError, match="not a PEM certificate"):
        certificate_sha256(text)


# Configuration of an app


@given(VALUES, st.randoms())
def test_a_fingerprint_does_not_depend_on_the_order_of_the_variables(values: dict[str, Secret], draw: object) -> None:
    names = list(values)
    draw.shuffle(names)  # type: ignore[attr-defined]
    assert fingerprint({name: values[name] for name in names}) == fingerprint(values)


@given(VALUES, st.text(max_size=12), st.text(max_size=12))
def test_a_fingerprint_depends_on_every_value(values: dict[str, Secret], name: str, value: str) -> None:
    other = {**values, name: Secret(value)}
    assert (fingerprint(other) == fingerprint(values)) == (other == values)


def test_the_fingerprint_is_that_of_the_contract_with_the_app() -> None:
    values = {"B": Secret("ä"), "A": Secret("1")}
    text = '{"A":"1","B":"ä"}'
    assert fingerprint(values) == hashlib.sha256(text.encode()).hexdigest()[:16]


@given(ENVS, ENVS)
def test_a_change_leads_to_what_is_wanted_and_then_there_is_none(
    current: dict[str, Secret], wanted: dict[str, Secret]
) -> None:
    owned = {n: v for n, v in wanted.items() if n in NAMES.all()}
    step = change(NAMES, current, owned)
    after = {n: v for n, v in current.items() if n not in step.delete} | {n: owned[n] for n in step.write}
    assert {n: v for n, v in after.items() if n in NAMES.all()} == owned
    assert {n: v for n, v in after.items() if n not in NAMES.all()} == {
        n: v for n, v in current.items() if n not in NAMES.all()
    }
    assert not change(NAMES, after, owned)
    assert bool(step) == (step.write != () or step.delete != ())


def test_an_app_that_is_connected_has_every_variable_and_the_fingerprint_of_the_others() -> None:
    target = Target("dash", timeout=90)
    values = connected(target, "https://203.0.113.7:1", Secret("ert-x"), "PEM")
    others = {n: v for n, v in values.items() if n != NAMES.fingerprint}
    late = {NAMES.previews, NAMES.model}
    assert set(values) == set(NAMES.all()) - late, "previews are told of only where they may use it"
    used = connected(replace(target, previews=True), "https://203.0.113.7:1", Secret("ert-x"), "PEM")
    assert (set(used), used[NAMES.previews].reveal()) == (set(NAMES.all()) - {NAMES.model}, "use")
    other = connected(target, "https://llm.example.org", Secret("sk-x"), "", "qwen3:8b")
    assert (set(other), other[NAMES.model].reveal()) == (
        set(NAMES.all()) - {NAMES.previews, NAMES.certificate},
        "qwen3:8b",
    )
    assert used[NAMES.fingerprint] != values[NAMES.fingerprint]
    assert values[NAMES.fingerprint].reveal() == fingerprint(others)
    assert {n: values[n].reveal() for n in ("REMOTE_LLM_INTEGRATION", "OLLAMA_INTEGRATION", "OPENAI_INTEGRATION")} == {
        "REMOTE_LLM_INTEGRATION": "true", "OLLAMA_INTEGRATION": "false", "OPENAI_INTEGRATION": "false",
    }  # fmt: skip
    assert values[NAMES.timeout].reveal() == "90"


def test_an_app_that_is_withdrawn_points_nowhere() -> None:
    values = withdrawn(Target("dash"))
    assert not {NAMES.url, NAMES.key, NAMES.certificate, NAMES.timeout} & set(values)
    assert values[NAMES.enabled].reveal() == "false"
    assert touched(NAMES, values)
    assert not touched(NAMES, {NAMES.enabled: Secret("true"), "OTHER": Secret("x")})


# Desired


SERVERS = (
    ModelServer("openai", "llama-server"), ModelServer("openai", "vllm"), ModelServer(digest="ab" * 32),
    ModelServer(temperature=0.0), ModelServer(parallel=2), ModelServer(kv_type="q8_0"),
)  # fmt: skip


def test_the_spec_changes_with_what_only_a_new_container_can_have() -> None:
    base = Launch(image="a:1", model="m")
    changed = [
        Launch(image="a:2", model="m"), Launch(image="a:1", model="n"), Launch(image="a:1", model="m", context=1),
        Launch(image="a:1", model="m", disk_gb=50), Launch(image="a:1", model="m", guard=Guard(idle_stop=1)),
        Launch(image="a:1", model="m", guard=Guard(boot_deadline=1)),
        Launch(image="a:1", model="m", guard=Guard(max_lifetime=1)),
        Launch(image="a:1", model="m", debug_ssh=True),
        *(Launch(image="a:1", model="m", server=server) for server in SERVERS),
        Launch(image="a:1", model="m", env=(ExtraVariable("A", "1"),)),
        Launch(image="a:1", model="m", env=(ExtraVariable("A", "2"),)),
    ]  # fmt: skip
    assert len({launch.spec() for launch in (base, *changed)}) == len(changed) + 1
    assert base.spec() == Launch(image="a:1", model="m", bid=0.1, model_gb=1.0).spec()
    assert base.spec() == "355b6c4d8e3c2bd4", "machines of earlier versions are not replaced"
    assert Launch(image="a:1", model="m", debug_ssh=True).spec() == "2a78d82f7e0f2cbb", "nor those with a shell"


def test_a_container_is_told_what_it_needs_and_no_key() -> None:
    wanted = Desired("ert", Phase.RUNNING, Launch("a:1", "m"), Criteria(0.4), (Target("dash"),))
    env = wanted.container_env("t" * 32, "h" * 64, "b" * 64)
    assert env["ERT_KEY_HASHES"] == "h" * 64
    assert env["ERT_SPEC"] == wanted.launch.spec()
    told = "BOOT_DEADLINE BOOT_SECRET DEPLOYMENT IDLE_STOP KEY_HASHES MAX_LIFETIME MODEL SPEC TOKEN"
    assert set(env) == {"OLLAMA_CONTEXT_LENGTH", *(f"ERT_{name}" for name in told.split())}
    assert all(isinstance(value, str) for value in env.values())
    served = [Desired("ert", Phase.RUNNING, Launch("a:1", "m", server=server), Criteria(0.4), ()) for server in SERVERS]
    added = [set(one.container_env("t", "h", "b")) - set(env) for one in served]
    assert added == [
        {"ERT_ENGINE", "ERT_ENGINE_CMD"}, {"ERT_ENGINE", "ERT_ENGINE_CMD"}, {"ERT_MODEL_DIGEST"}, {"ERT_TEMPERATURE"},
        {"OLLAMA_NUM_PARALLEL"}, {"OLLAMA_KV_CACHE_TYPE"},
    ]  # fmt: skip
    extra = Launch("a:1", "m", env=(ExtraVariable("OLLAMA_DEBUG", "canary"), ExtraVariable("ERT_MODEL", "other")))
    more = Desired("ert", Phase.RUNNING, extra, Criteria(0.4), ()).container_env("t", "h", "b", owner="o")
    assert (more["OLLAMA_DEBUG"], more["ERT_MODEL"], more["ERT_OWNER"]) == ("canary", "m", "o"), "ours are not replaced"
    assert "canary" not in repr(extra) + str(extra.env[0])
    assert str(extra.env[0]) == "OLLAMA_DEBUG"
    by_name = [Launch("a:1", "m", env=(ExtraVariable("A", value, "ERT_ENV_A"),)) for value in ("", "x", "y")]
    assert len({one.spec() for one in by_name}) == 1, "nothing of a secret is in the state, not even its hash"
    assert by_name[0].spec() != Launch("a:1", "m", env=(ExtraVariable("A", "", "ERT_ENV_B"),)).spec()
    assert "ERT_GPU_PRICE_PER_HOUR" not in env, "nobody guesses a price"


def test_a_container_is_told_its_card_and_what_it_costs() -> None:
    wanted = Desired("ert", Phase.RUNNING, Launch("a:1", "m"), Criteria(0.4), (Target("dash"),))
    found = offer(1, gpu_name="RTX 3090", dph_total=0.3128, min_bid=0.12)
    env = wanted.container_env("t" * 32, "h" * 64, "b" * 64, found)
    assert (env["ERT_GPU_NAME"], env["ERT_GPU_PRICE_PER_HOUR"]) == ("RTX 3090", "0.3128")
    bidding = replace(wanted, launch=replace(wanted.launch, market=Market.INTERRUPTIBLE, bid=0.2))
    assert bidding.container_env("t" * 32, "h" * 64, "b" * 64, found)["ERT_GPU_PRICE_PER_HOUR"] == "0.3928"


# Errors


def test_every_error_has_an_exit_code_and_three_parts() -> None:
    codes = {
        kind.__name__: kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.ErtError)
    }
    assert codes == {
        "ErtError": 1, "UsageError": 2, "NoSuchService": 2, "NothingToWake": 2, "Failed": 1, "Busy": 3,
        "NeedsAttention": 5,
        "CannotObserve": 5, "Outcome": 1, "Transient": 1, "Rejected": 1, "Gone": 1, "OfferGone": 1,
        "OutcomeUnknown": 1, "CreateRefused": 1, "StartRefused": 1, "StateConflict": 1, "Damaged": 2,
        "Undecided": 5, "LoginRequired": 2, "OverBudget": 1, "BudgetSpent": 5,
    }  # fmt: skip
    error = errors.Transient("it is busy", "429", "wait", after=3.0)
    assert (str(error), error.summary, error.detail, error.hint, error.after) == (
        "it is busy",
        "it is busy",
        "429",
        "wait",
        3.0,
    )
    assert issubclass(errors.CreateRefused, errors.OutcomeUnknown), "refused or not: only looking can tell"
    assert not issubclass(errors.OfferGone, errors.OutcomeUnknown)


def test_a_price_that_is_not_known_is_never_shown_as_a_number() -> None:
    assert per_hour(0.21) == "$0.2100/h"
    assert per_hour(float("nan")) == "an unknown price per hour"
