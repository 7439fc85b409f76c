"""Subset of `make secrets`: a few commands in a few encodings, and a check of the search itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.secrets import scenes
from tests.secrets.stage import staged

pytestmark = pytest.mark.timeout(280)


def test_no_command_leaves_a_planted_secret_anywhere(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        scenes.begin(stage)
        for encoding, words in (("raw", "status"), ("terminal", "logs"), ("base64-1", "logs")):
            scenes.tell(stage, encoding)
            said = stage.run(words)
            assert "***" in said, said
            stage.calm()
        stage.fault("vast", operation="list", echo="json", status=403)
        assert "***" in stage.run("status", "--json")
        stage.fault("vast", operation="create", echo="percent", status=400)
        stage.vast(kind="tells", encoding="html", texts=[stage.hunt.secrets["registry password"]])
        stage.run("state", "show", "--json")
        stage.sweep()
        assert not stage.hunt.findings
        assert len(stage.hunt.secrets) >= 15
        assert {"stdout", "stderr", "files"} <= set(stage.hunt.looked)
        stage.calm()
        assert scenes.unguarded(stage, "raw") >= 10, "without the redactor the same search finds them"
