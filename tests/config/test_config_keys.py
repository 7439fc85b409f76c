"""API keys: from the environment or from a private file, and never shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ert_deploy.config import ConfigProblems, KeySource, parse, read_key, read_state_key
from ert_deploy.core.model.errors import UsageError

SAMPLE = Path(__file__).resolve().parents[2] / "configs" / "ert.yaml"
KEY = "0123456789abcdef0123456789abcdef"


def source(file: Path | None = None) -> KeySource:
    return KeySource("Vast.ai", "VAST_API_KEY", file)


def private(path: Path, data: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def refused(file: Path | None, env: dict[str, str]) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_key(source(file), env)
    error = caught.value
    assert KEY[:8] not in f"{error.summary}{error.detail}{error.hint}"
    assert error.__cause__ is None
    assert error.exit_code == 2
    return error


def test_the_variable_wins_over_the_file(tmp_path: Path) -> None:
    file = private(tmp_path / "key", b"from-the-file\n")
    assert read_key(source(file), {"VAST_API_KEY": KEY}).reveal() == KEY
    assert read_key(source(file), {"VAST_API_KEY": ""}).reveal() == "from-the-file"
    assert read_key(source(file), {}).reveal() == "from-the-file"


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_one_newline_at_the_end_is_the_editor_s(tmp_path: Path, end: bytes) -> None:
    assert read_key(source(private(tmp_path / "key", KEY.encode() + end)), {}).reveal() == KEY


def test_no_key_at_all() -> None:
    error = refused(None, {})
    assert error.summary == "no Vast.ai API key: VAST_API_KEY is not set"
    assert "export VAST_API_KEY=" in error.hint
    assert "mode 0600" in error.hint
    assert "vast/key/file" in error.hint
    assert "set but empty" in refused(None, {"VAST_API_KEY": ""}).summary


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("\n", "is empty"),
        (f"{KEY}\n\n", "white space"),
        (f" {KEY}", "white space"),
        (f"{KEY[:16]} {KEY[16:]}", "white space"),
        (f"{KEY}\u00a0", "white space"),
        (f"\u201c{KEY}\u201d", "quotation mark"),
        (f'"{KEY}"', "quotation mark"),
        (f"{KEY}\u2013", "character that no key has"),
        (f"{KEY}\x1b", "character that no key has"),
        (f"{KEY}\0", "character that no key has"),
        (KEY * 20, "longer than 512"),
    ],
)
def test_a_key_that_was_copied_badly(tmp_path: Path, text: str, what: str) -> None:
    error = refused(None, {"VAST_API_KEY": text})
    assert what in error.summary
    assert "VAST_API_KEY" in error.summary
    assert what in refused(private(tmp_path / "key", text.encode()), {}).summary


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_file_that_others_may_read(tmp_path: Path, mode: int) -> None:
    file = private(tmp_path / "key", KEY.encode(), mode)
    error = refused(file, {})
    assert f"mode {mode:04o}" in error.summary
    assert error.hint == f"chmod 600 {file}"


def test_a_file_of_somebody_else(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        file = private(tmp_path / "key", KEY.encode())
        os.chown(file, 65534, 65534)
    else:
        file = Path("/etc/hosts")
    assert "belongs to another user" in refused(file, {}).summary


def test_files_that_cannot_hold_a_key(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    assert "there is no such file" in refused(tmp_path / "missing", {}).summary
    assert "it is a folder" in refused(tmp_path, {}).summary
    assert "it is a pipe" in refused(tmp_path / "fifo", {}).summary
    assert "is not text" in refused(private(tmp_path / "key", b"\xff\xfe\x80"), {}).summary
    assert "is empty" in refused(private(tmp_path / "key", b""), {}).summary


# The key of the state


def test_the_state_key_is_used_where_it_is_set_and_has_to_be_there_where_a_config_names_it() -> None:
    named = KeySource("state", "ERT_STATE_KEY_MINE")
    assert read_state_key(None, {}) is None
    assert read_state_key(None, {"ERT_STATE_KEY": ""}) is None, "a secret of CI that is not set is empty"
    for source, env in ((None, {"ERT_STATE_KEY": KEY}), (named, {"ERT_STATE_KEY_MINE": KEY, "ERT_STATE_KEY": "no"})):
        key = read_state_key(source, env)
        assert key is not None
        assert key.reveal() == KEY
    with pytest.raises(UsageError, match="no state key: ERT_STATE_KEY_MINE is not set") as refused:
        read_state_key(named, {"ERT_STATE_KEY": KEY})
    assert "openssl" in refused.value.hint


@pytest.mark.parametrize("text", ["hunter2", "k" * 31, "k" * 40 + " k"])
def test_a_state_key_that_can_be_guessed_or_was_miscopied_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="the state key") as refused:
        read_state_key(None, {"ERT_STATE_KEY": text})
    assert text not in f"{refused.value.summary}{refused.value.detail}{refused.value.hint}"


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "VAST_API_KEY", "ert_state_key", KEY])
def test_a_config_names_no_other_variable_for_the_state_key(name: str) -> None:
    text = SAMPLE.read_text().replace("YOUR-NAME", "me").replace("YOUR-DEPLOYMENT", "ert")
    with pytest.raises(ConfigProblems) as caught:
        parse(text.replace("state_key: null ", f"state_key: {name} "), SAMPLE)
    assert [problem.path for problem in caught.value.problems] == ["state_key"]
    assert "ERT_STATE_KEY" in caught.value.problems[0].hint
