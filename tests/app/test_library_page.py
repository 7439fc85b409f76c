"""`docs/library.md`: its example works (with fakes), and it lists every public function."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ert_deploy
from ert_deploy.config import Settings
from ert_deploy.ports import Audience
from ert_deploy.wiring import Session
from tests.support.fakes.loopback import world

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "library.md").read_text()
CONFIG = """\
deployment: ert
launch: {image: "ghcr.io/someone/ert-llm-backend:0.1.0", model: "gpt-oss:20b"}
offer: {max_dph: 0.60}
owner: our-project
render: {services: [{name: dash}]}
"""


def test_the_example_takes_a_deployment_from_nothing_to_serving_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "my-app.yaml").write_text(CONFIG)
    made = world()

    def assemble(settings: Settings, audience: Audience, *_: object, **__: object) -> Session:
        return Session(settings, settings.desired, replace(made.ports, audience=audience))

    monkeypatch.setattr("ert_deploy.app.deployment.assemble", assemble)
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(example, "docs/library.md", "exec"), names)
    said = capsys.readouterr().out
    assert "True https://203.0.113.7:" in said
    assert "$ so far at most" in said
    assert names["outcome"].changed
    assert len(made.gpu.instances) == 1
    assert made.gpu.paid() == ()


def test_every_public_function_is_on_the_page() -> None:
    functions = {name for name in ert_deploy.__all__ if inspect.isfunction(getattr(ert_deploy, name))}
    assert {name for name in functions if not re.search(rf"`{name}\b", PAGE) and f"{name}(" not in PAGE} == set()
