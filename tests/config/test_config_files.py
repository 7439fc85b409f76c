"""Files that cannot be a config, each rejected in one line; and how configs are located."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ert_deploy.config import ConfigProblems, available, default_config, find, load
from ert_deploy.core.model.errors import UsageError
from tests.support.unprivileged import unprivileged

CHECKOUT = Path(__file__).parents[2] / "configs"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(path: Path) -> str:
    with pytest.raises(ConfigProblems) as caught:
        load(path)
    assert caught.value.detail == ""
    assert caught.value.exit_code == 2
    return f"{caught.value.summary} | {caught.value.hint}"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b" \n\n", "it is empty"),
        (b"\xef\xbb\xbfdeployment: ert\n", "byte order mark"),
        ("deployment: ert\n".encode("utf-16"), "it is UTF-16 text | save it as UTF-8"),
        ("deployment: ert\n".encode("utf-16-be"), "it is a binary file"),
        (b"\x7fELF\x00\x00", "it is a binary file"),
        (b"a: 1\nb: caf\xe9\n", "line 2: it is not UTF-8 text"),
        (b"#" * (256 * 1024 + 1), "larger than 256 kB"),
    ],
)
def test_bytes_that_are_no_config(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(data)
    assert said in refused(path)


def test_a_sparse_file_of_100_mb_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with path.open("wb") as stream:
        stream.truncate(100_000_000)
    assert "larger than 256 kB" in refused(path)


def test_things_that_are_not_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("a")
    assert "it is a folder" in refused(tmp_path)
    assert "it is a pipe or a device" in refused(tmp_path / "fifo")
    assert "it is a pipe or a device" in refused(Path("/dev/zero"))
    assert "a broken symbolic link" in refused(tmp_path / "dangling")
    assert "a symbolic link to itself" in refused(tmp_path / "loop")
    assert "there is no such file" in refused(tmp_path / "missing.yaml")
    assert "not a folder" in refused(tmp_path / "file" / "c.yaml")
    assert "too long" in refused(tmp_path / ("x" * 300))
    assert "NUL" in refused(tmp_path / "a\0b")


def test_a_file_we_may_not_read() -> None:
    with unprivileged() as folder:
        path = folder / "c.yaml"
        path.write_text("a: 1")
        path.chmod(0)
        assert "permission denied" in refused(path)


def test_a_name_means_a_file_in_configs(elsewhere: Path) -> None:
    (elsewhere / "configs").mkdir()
    mine = elsewhere / "configs" / "ert.yaml"
    mine.write_text("deployment: mine\n")
    (elsewhere / "configs" / "other.yml").write_text("deployment: other\n")
    assert find("ert").resolve() == mine
    assert find("other").resolve() == elsewhere / "configs" / "other.yml"
    assert find("sandbox").parent != mine.parent  # the one included in the package
    assert set(available()) == {"ert", "other", "sandbox"}


def test_a_path_is_taken_as_it_is(elsewhere: Path) -> None:
    (elsewhere / "c.yaml").write_text("a: 1")
    assert find("c.yaml") == Path("c.yaml")
    assert find("./c.yaml") == Path("c.yaml")
    assert find(str(elsewhere / "c.yaml")) == elsewhere / "c.yaml"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("sandbx", "did you mean sandbox?"),
        ("configs/sandbx.yaml", "did you mean sandbox?"),
        ("zzzz", "there are: ert, sandbox"),
        ("", "there are: ert, sandbox"),
        ("..", "there are: ert, sandbox"),
        ("y" * 300, "there are: ert, sandbox"),
        ("a\0b", "there are: ert, sandbox"),
        ("configs/a\0b", "there are: ert, sandbox"),
    ],
)
def test_an_unknown_name(elsewhere: Path, name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        find(name)
    assert caught.value.hint == hint
    assert ascii(name)[1:50] in caught.value.summary


def test_strange_names_are_left_to_the_reader(elsewhere: Path) -> None:
    (elsewhere / "folder.yaml").mkdir()
    assert "it is a folder" in refused(find("folder.yaml"))
    assert "too long" in refused(find("y" * 300 + ".yaml"))


@pytest.mark.parametrize(
    ("env", "name"),
    [({}, "sandbox.yaml"), ({"VAST_API_KEY": ""}, "sandbox.yaml"), ({"VAST_API_KEY": "k"}, "ert.yaml")],
)
def test_without_a_name_the_key_decides(elsewhere: Path, env: dict[str, str], name: str) -> None:
    path = default_config(env)
    assert path.name == name
    assert path.read_text() == (CHECKOUT / name).read_text()
