"""Fixtures: a minimal valid config, and the errors of a modified one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ert_deploy.config import ConfigProblems, Settings, parse

GOOD = """\
deployment: ert
launch:
  image: ghcr.io/someone/ert-llm-backend:0.1.0
  image_gb: 4
  model: gpt-oss:20b
  model_gb: null
  context: 16384
  disk_gb: 40
  market: on-demand
  bid: null
  guard:
    idle_stop: 20m
    boot_deadline: 45m
    max_lifetime: 12h
offer:
  max_dph: 0.60
  gpu_ram: 24GB
  gpu_names: []
  countries: []
  min_reliability: 0.98
  min_duration: 3d
  verified: true
plan:
  hours: 2
timings:
  settle: 4m
  no_progress: 5m
  boot_limit: 45m
vast:
  url: https://console.vast.ai
  key:
    env: VAST_API_KEY
render:
  services:
    - name: ert-dashboard
      timeout: 3m
      health_path: /health
      owned:
        url: ERT_LLM_BACKEND_URL
state: null
sandbox: null
"""


@pytest.fixture
def good() -> str:
    """Return the text of a valid config."""
    return GOOD


@pytest.fixture
def changed() -> Callable[..., str]:
    """Replace one piece of text in the valid config (and assert that it occurs once)."""

    def change(old: str, new: str) -> str:
        assert GOOD.count(old) == 1, f"{old!r} is not there exactly once"
        return GOOD.replace(old, new)

    return change


@pytest.fixture
def problems() -> Callable[[str], ConfigProblems]:
    """Return the errors of a text; fail when there are none."""

    def judge(text: str) -> ConfigProblems:
        with pytest.raises(ConfigProblems) as caught:
            parse(text, Path("test.yaml"))
        return caught.value

    return judge


@pytest.fixture
def settings() -> Settings:
    """Return the settings of the valid config."""
    return parse(GOOD, Path("test.yaml"))
