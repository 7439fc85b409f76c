"""The file and the keyring that keep keys: what is refused, what is said, and that no key is in it."""

from __future__ import annotations

import importlib
import os
import stat
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from keyring.errors import KeyringLocked, PasswordSetError

from ert_deploy.adapters.custody.file import FileCustody
from ert_deploy.adapters.custody.keyring import SERVICE, KeyringCustody
from ert_deploy.core.model.errors import ErtError, Failed, UsageError
from ert_deploy.core.model.secret import Secret
from tests.support.contract.key_custodies import MemoryKeyring

KEY = "ert-0123456789abcdefghijklmnopqrstuvwxyz"
ID = "srv-cu2k4j3qf0us73fbv7u0"
VALUES = {"ERT_LLM_API_KEY": Secret(KEY), "ERT_LLM_CA_CERT": Secret("-----BEGIN\né")}
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".ert" / "ert.keys"


@pytest.fixture
def file(folder: Path) -> Path:
    FileCustody(folder).keep(ID, VALUES)
    return folder / f"{ID}.json"


def told(error: ErtError) -> str:
    """All that a person or a log could see of an error; it holds no key."""
    said = f"{error.summary} {error.detail} {error.hint} {''.join(traceback.format_exception(error))}"
    assert KEY not in said
    assert KEY[4:12] not in said
    return said


# The file


def test_a_file_is_private_from_its_first_byte_and_out_of_git(folder: Path, file: Path) -> None:
    before = os.umask(0)
    try:
        FileCustody(folder).keep(ID, VALUES)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder.parent / ".gitignore").read_text() == "*\n"
    assert [path.name for path in folder.iterdir()] == [file.name], "nothing is left over"
    assert FileCustody(folder).kept(ID) == VALUES


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o666, 0o610, 0o700 | 0o001])
def test_a_file_that_others_may_reach_is_refused_and_not_repaired(folder: Path, file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(UsageError) as refused:
        FileCustody(folder).kept(ID)
    assert f"can be read by others (mode {mode:04o})" in told(refused.value)
    assert "chmod 600" in refused.value.hint
    assert "key rotate" in refused.value.hint
    assert stat.S_IMODE(file.stat().st_mode) == mode


def test_a_file_of_somebody_else_is_refused(folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ert_deploy.adapters.custody.file.os.geteuid", lambda: os.getuid() + 1)
    with pytest.raises(UsageError, match="belongs to another user") as refused:
        FileCustody(folder).kept(ID)
    told(refused.value)


def test_a_link_a_pipe_and_a_folder_are_refused(folder: Path, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    file.rename(other)
    file.symlink_to(other)
    with pytest.raises(UsageError, match="is a symbolic link"):
        FileCustody(folder).kept(ID)
    file.unlink()
    os.mkfifo(file, 0o600)
    with pytest.raises(UsageError, match="is not a regular file"):
        FileCustody(folder).kept(ID)
    file.unlink()
    file.mkdir(mode=0o700)
    with pytest.raises(UsageError, match="is not a regular file"):
        FileCustody(folder).kept(ID)


@pytest.mark.parametrize(
    "text",
    ["", "{", KEY, "[]", f'{{"{KEY}": 1}}', '{"format": "ert-deploy keys"}', '{"format": "x", "values": {}}',
     "[" * 9_000, f'{{"format": "ert-deploy keys", "values": {{"a": ["{KEY}"]}}}}'],
)  # fmt: skip
def test_a_damaged_file_is_refused_and_nothing_of_it_repeated(folder: Path, file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        FileCustody(folder).kept(ID)
    assert "gives the backend another key" in told(refused.value)


def test_bytes_that_are_no_text_and_a_file_without_end_are_refused(folder: Path, file: Path) -> None:
    file.write_bytes(b"\xff" + KEY.encode())
    with pytest.raises(UsageError, match="is not text") as refused:
        FileCustody(folder).kept(ID)
    told(refused.value)
    file.write_bytes(b"a" * 300_000)
    with pytest.raises(UsageError, match="is larger than 256 kB"):
        FileCustody(folder).kept(ID)


def test_a_write_that_fails_leaves_what_was_there(folder: Path, file: Path) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(Failed, match="No space left on device") as failed:
        FileCustody(folder, full).keep(ID, {"ERT_LLM_API_KEY": Secret(KEY[::-1])})
    told(failed.value)
    assert FileCustody(folder).kept(ID) == VALUES


def test_a_folder_that_others_may_write_is_made_private_with_a_word(folder: Path, file: Path) -> None:
    folder.chmod(0o777)
    said: list[str] = []
    FileCustody(folder, notice=said.append).keep(ID, VALUES)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert said


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".", "x" * 101])
def test_an_id_that_is_no_file_s_name_is_refused(folder: Path, name: str) -> None:
    for call in (lambda: FileCustody(folder).kept(name), lambda: FileCustody(folder).keep(name, VALUES)):
        with pytest.raises(UsageError, match="cannot be the id of a service"):
            call()


# The keyring


def test_one_entry_by_deployment_and_service_and_none_afterwards() -> None:
    backend = MemoryKeyring()
    KeyringCustody("one", backend).keep(ID, VALUES)
    KeyringCustody("two", backend).keep(ID, {"ERT_LLM_API_KEY": Secret("other")})
    assert set(backend.entries) == {(SERVICE, f"one/{ID}"), (SERVICE, f"two/{ID}")}
    assert KeyringCustody("one", backend).kept(ID) == VALUES
    for _ in range(2):
        KeyringCustody("one", backend).keep(ID, {})
    assert set(backend.entries) == {(SERVICE, f"two/{ID}")}
    assert KeyringCustody("one", backend).kept(ID) == {}


def test_a_machine_without_a_keyring_is_told_what_to_do() -> None:
    none = importlib.import_module("keyring.backends.fail")  # what `keyring` takes where there is none
    custody = KeyringCustody("ert", none.Keyring())
    with pytest.raises(UsageError, match="no keyring that keeps secrets") as refused:
        custody.kept(ID)
    assert "keys/custody: file" in told(refused.value)
    with pytest.raises(UsageError, match="no keyring that keeps secrets") as refused:
        custody.keep(ID, VALUES)
    assert "keys/custody: file" in told(refused.value)


def test_what_a_keyring_says_is_not_repeated() -> None:
    backend = MemoryKeyring()
    backend.broken = KeyringLocked(f"locked while storing {KEY}")
    with pytest.raises(UsageError, match="cannot be read: KeyringLocked") as refused:
        KeyringCustody("ert", backend).kept(ID)
    told(refused.value)
    backend.broken = PasswordSetError(KEY)
    with pytest.raises(Failed, match="cannot be written: PasswordSetError") as failed:
        KeyringCustody("ert", backend).keep(ID, VALUES)
    told(failed.value)


def test_an_entry_that_is_not_ours_is_refused() -> None:
    backend = MemoryKeyring()
    backend.entries[SERVICE, f"ert/{ID}"] = KEY
    with pytest.raises(UsageError, match="damaged") as refused:
        KeyringCustody("ert", backend).kept(ID)
    told(refused.value)


WITHOUT = """
import sys
sys.modules["keyring"] = None
from ert_deploy.adapters.custody.keyring import KeyringCustody
from ert_deploy.cli.failure import explain
try:
    KeyringCustody("ert")
except Exception as error:
    raise SystemExit(explain(error))
"""


def test_without_the_extra_it_says_which_one_it_needs() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "keys/custody: keyring needs keyring, which is not installed" in done.stderr
    assert "extra keyring: pip install 'ert-deploy[keyring]'" in done.stderr
