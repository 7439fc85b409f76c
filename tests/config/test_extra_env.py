"""launch/env: variables for the container, none of ert-deploy's own, and no value in any message."""

from __future__ import annotations

from pathlib import Path

import pytest

from ert_deploy.config import ConfigProblems, parse, read_variables
from ert_deploy.core.model.errors import UsageError

BASE = """\
deployment: ert
launch: {{image: "ghcr.io/me/ert-llm-backend:0.1.0", model: "gpt-oss:20b", env: {env}}}
offer: {{max_dph: 0.60}}
render: {{services: [{{name: dash}}]}}
"""


def read(env: str) -> dict[str, str]:
    launch = parse(BASE.format(env=env), Path("x.yaml")).desired.launch
    return {extra.name: extra.value for extra in launch.env}


def test_they_reach_the_launch_as_they_are_written() -> None:
    assert read('[OLLAMA_DEBUG=1, "HTTPS_PROXY=http://10.0.0.1:3128/?a=b", EMPTY=]') == {
        "OLLAMA_DEBUG": "1",
        "HTTPS_PROXY": "http://10.0.0.1:3128/?a=b",
        "EMPTY": "",
    }
    assert read("[]") == {}


def test_another_value_is_another_machine() -> None:
    specs = {
        parse(BASE.format(env=env), Path("x.yaml")).desired.launch.spec() for env in ("[]", "[A=1]", "[A=2]", "[B=1]")
    }
    assert len(specs) == 4


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ("[ERT_MODEL=canary-1]", "ERT_MODEL is ert-deploy's own variable"),
        ("[ert_model=canary-1]", "ert_model is ert-deploy's own variable"),
        ("[OLLAMA_MODEL=canary-1]", "OLLAMA_MODEL is set already"),
        ("[PORT=canary-1]", "PORT is set already"),
        ("[PATH=canary-1]", "PATH is set by the image"),
        ("[CONTAINER_API_KEY=canary-1]", "CONTAINER_API_KEY is set by the image or by the host"),
        ("[LD_PRELOAD=canary-1]", "LD_PRELOAD is set by the image"),
        ("[canary-1]", "it is not NAME=VALUE"),
        ("[1CANARY=canary-1]", "it is not NAME=VALUE"),
        ('["A=canary-1\\n"]', "it is not NAME=VALUE"),
        ('["A=canary-1\\e"]', "the value of A is not one line"),
        (f"[A=canary-1{'x' * 1024}]", "the value of A is not one line"),
        ("[HUB=hf_canary1canary1canary1]", "the value of HUB is similar to a key"),
        ("[MY_API_KEY=canary]", "MY_API_KEY is a secret by its name"),
        ("[my_api_key2=canary]", "write my_api_key2=env:ERT_ENV_MY_API_KEY2 and export ERT_ENV_MY_API_KEY2=..."),
        ("[HF_TOKEN=canary]", "HF_TOKEN is a secret by its name"),
        ("[CLIENT_SECRET=canary]", "CLIENT_SECRET is a secret by its name"),
        ("[DB_PASSWORD=canary]", "DB_PASSWORD is a secret by its name"),
        ("[HF_TOKEN=env:AWS_SECRET_ACCESS_KEY_canary]", "does not begin with ERT_ENV_"),
        ("[HF_TOKEN=env:canary]", "write HF_TOKEN=env:ERT_ENV_HF_TOKEN"),
        ("[A=env:ERT_ENV_]", "does not begin with ERT_ENV_"),
        ("[A=canary-1, A=canary-2]", "A is set more than once"),
        ("[A=canary-1, A=canary-1]", "A more than once"),
        ("{A: canary-1}", "it must be a list"),
    ],
)
def test_what_is_refused_is_named_without_its_value(env: str, said: str) -> None:
    with pytest.raises(ConfigProblems) as wrong:
        read(env)
    text = f"{wrong.value.summary}\n{wrong.value.detail}\n{wrong.value.hint}"
    assert said in text
    assert "canary" not in text


def test_a_secret_is_named_by_the_variable_that_holds_it_and_read_from_there() -> None:
    launch = parse(BASE.format(env="[HF_TOKEN=env:ERT_ENV_HF_TOKEN, A=1]"), Path("x.yaml")).desired.launch
    assert [(one.name, one.value, one.source, one.missing) for one in launch.env] == [
        ("HF_TOKEN", "", "ERT_ENV_HF_TOKEN", True),
        ("A", "1", "", False),
    ]
    found = read_variables(launch.env, {"ERT_ENV_HF_TOKEN": "canary-1\n", "HF_TOKEN": "other", "A": "other"})
    assert [(one.value, one.missing) for one in found] == [("canary-1", False), ("1", False)]
    assert "canary" not in repr(found)
    assert read_variables(launch.env, {"ERT_ENV_HF_TOKEN": ""})[0].missing


@pytest.mark.parametrize("value", ["canary\ncanary", "canary" * 200, "canary\x1b[0m"])
def test_a_secret_of_several_lines_is_refused_without_showing_it(value: str) -> None:
    launch = parse(BASE.format(env="[HF_TOKEN=env:ERT_ENV_HF_TOKEN]"), Path("x.yaml")).desired.launch
    with pytest.raises(UsageError, match="the value of HF_TOKEN in ERT_ENV_HF_TOKEN is not one line") as wrong:
        read_variables(launch.env, {"ERT_ENV_HF_TOKEN": value})
    assert "canary" not in f"{wrong.value.summary}{wrong.value.detail}{wrong.value.hint}"


def test_a_name_that_only_resembles_a_secret_is_accepted() -> None:
    given = "[TOKENIZERS_PARALLELISM=false, VLLM_MAX_TOKENS=100, KEYCLOAK=a, HF_TOKEN_PATH=/run/x, EMPTY_KEY=]"
    assert len(read(given)) == 5


def test_a_config_with_a_secret_in_it_can_still_be_taken_down() -> None:
    settings = parse(BASE.format(env="[MY_API_KEY=canary]"), Path("x.yaml"), going_down=True)
    assert settings.desired.launch.env == ()
