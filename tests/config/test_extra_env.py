"""launch/env: variables for the container, none of ert-deploy's own, and no value in any message."""

from __future__ import annotations

from pathlib import Path

import pytest

from ert_deploy.config import ConfigProblems, parse

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
        ("[HF_TOKEN=hf_canary1canary1canary1]", "the value of HF_TOKEN is similar to a key"),
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
