"""Invalid input to the real command: the documented exit code, one reason with its location and a
hint, no traceback, no key, and no file or resource changed.

Problems inside a config, key file or state file have their own tests; here is one of each class, and the environment
of the process.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ert_deploy.adapters.clock import RealClock
from ert_deploy.adapters.state.file import StateFile
from ert_deploy.core.model.state import State
from tests.support.nightly import nightly

ROOT = Path(__file__).parents[2]
KEYS = {"VAST_API_KEY": "vast-canary-0123456789", "RENDER_API_KEY": "rnd_canary0123456789"}
Make = Callable[[Path, str], None]


def program(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `ert-deploy` with the necessary environment variables only."""
    surroundings = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **KEYS, **environment}
    return subprocess.run(
        [sys.executable, "-m", "ert_deploy.cli", *words],
        cwd=folder, env=surroundings, capture_output=True, text=True, errors="surrogateescape", timeout=60, check=False,
    )  # fmt: skip


def refused(done: subprocess.CompletedProcess[str], code: int, *said: str) -> None:
    """Assert the documented exit code and a message of a few lines."""
    told = done.stdout + done.stderr
    assert done.returncode == code, told
    assert done.stderr.splitlines()[0].startswith("error: "), told
    assert len(done.stderr.splitlines()) <= 4, told
    assert all(words in done.stderr for words in said), told
    assert "Traceback" not in told
    assert "canary" not in told


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return every name in the directory tree, with the content of small files."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() and path.stat().st_size < 10**6 else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def folder(tmp_path: Path, good: str) -> Path:
    """Return a project with a valid config and a state that must not change. Its Vast.ai is offline."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        nobody = f"http://127.0.0.1:{found.getsockname()[1]}"
    text = good.replace("https://console.vast.ai", nobody).replace("state: null", "state: kept.json")
    (tmp_path / "good.yaml").write_text(text)
    StateFile(tmp_path / "kept.json", "ert", RealClock()).save(State("ert"))
    return tmp_path


def written(change: Callable[[str], str | bytes]) -> Make:
    def make(path: Path, good: str) -> None:
        data = change(good)
        path.write_bytes(data.encode() if isinstance(data, str) else data)

    return make


def huge(path: Path, good: str) -> None:
    with path.open("wb") as stream:
        stream.truncate(100_000_000)


BOMB = "".join(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}' if n else 'x'] * 9)}]\n" for n in range(9))
FILES: dict[str, tuple[Make, str]] = {
    "missing": (lambda path, good: None, "bad.yaml"),
    "empty": (written(lambda good: ""), "it is empty"),
    "binary": (written(lambda good: b"\x7fELF\0"), "it is a binary file"),
    "byte order mark": (written(lambda good: b"\xef\xbb\xbf" + good.encode()), "byte order mark"),
    "UTF-16": (written(lambda good: good.encode("utf-16")), "save it as UTF-8"),
    "100 MB": (huge, "larger than"),
    "folder": (lambda path, good: path.mkdir(), "it is a folder"),
    "pipe": (lambda path, good: os.mkfifo(path), "it is a pipe"),
    "device": (lambda path, good: path.symlink_to("/dev/zero"), "a device"),
    "dangling link": (lambda path, good: path.symlink_to("nowhere"), "a broken symbolic link"),
    "looping link": (lambda path, good: path.symlink_to(path.name), "a symbolic link to itself"),
    "alias bomb": (written(lambda good: BOMB), "aliases"),
    "object tag": (written(lambda good: good.replace(": ert\n", ": !!python/object:a.B {}\n", 1)), "tag"),
    "duplicate key": (written(lambda good: f"{good}state: null\n"), "given twice"),
    "Norway": (written(lambda good: good.replace("countries: []", "countries: [no]")), 'put it in quotes: "no"'),
    "unknown key": (written(lambda good: good.replace("max_dph", "max_dhp")), "did you mean max_dph?"),
    "wrong type": (written(lambda good: good.replace("gpu_names: []", "gpu_names: 4")), "offer/gpu_names"),
    "idle for ever": (written(lambda good: good.replace("20m", "3650d")), "launch/guard/idle_stop"),
    "price not a number": (written(lambda good: good.replace("max_dph: 0.60", "max_dph: .nan")), "offer/max_dph"),
    "GPU RAM without unit": (written(lambda good: good.replace("24GB", "24")), "write 24GB"),
    "disk too small": (written(lambda good: good.replace("disk_gb: 40", "disk_gb: 7.9")), "at least 8 GB"),
    "image that moves": (written(lambda good: good.replace("backend:0.1.0", "backend:latest")), "launch/image"),
    "image as option": (written(lambda good: good.replace("ghcr.io", "'-u root' #")), "launch/image"),
    "escape in a name": (written(lambda good: good.replace(": ert\n", ': "\\e]0;x"\n', 1)), "\\x1b]0;x"),
    "name of 300": (written(lambda good: good.replace("deployment: ert", f"deployment: {'e' * 300}")), "deployment"),
    "state in no bucket": (written(lambda good: good.replace("state: null", "state: s3://a")), "s3://my-bucket"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_a_bad_config_ends_the_run_and_changes_nothing(folder: Path, good: str, kind: str) -> None:
    make, said = FILES[kind]
    make(folder / "bad.yaml", good)
    before = contents(folder)
    refused(program(folder, "up", "-c", "bad.yaml"), 2, said)
    assert contents(folder) == before


STATES: dict[str, tuple[Make, str]] = {
    "folder": (lambda path, good: path.mkdir(), "Is a directory"),
    "pipe": (lambda path, good: os.mkfifo(path), "it is a pipe or a device"),
    "device": (lambda path, good: path.symlink_to("/dev/zero"), "it is a pipe or a device"),
    "looping link": (lambda path, good: path.symlink_to(path.name), "is a symbolic link"),
    "100 MB": (huge, "corrupt"),
    "binary": (written(lambda good: b"\x7fELF\0"), "corrupt"),
}


@pytest.mark.parametrize("kind", STATES)
def test_a_place_that_holds_no_state_is_refused_and_left_alone(folder: Path, good: str, kind: str) -> None:
    make, said = STATES[kind]
    make(folder / "odd.json", good)
    (folder / "odd.yaml").write_text((folder / "good.yaml").read_text().replace("kept.json", "odd.json"))
    before = contents(folder)
    refused(program(folder, "state", "show", "-c", "odd.yaml"), 2, "odd.json", said)
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "set but empty"),
        ("vast-canary\n\n", "white space"),
        ("\u201cvast-canary\u201d", "quotation mark"),
        ("vast-canary\x1b[31m", "no key has"),
        ("k" * 600, "longer than 512"),
    ],
)
def test_a_bad_key_ends_the_run_before_anybody_is_called(folder: Path, key: str, said: str) -> None:
    before = contents(folder)
    refused(program(folder, "up", "-c", "good.yaml", VAST_API_KEY=key), 2, "VAST_API_KEY", said, "hint: ")
    assert contents(folder) == before


@pytest.mark.parametrize(
    "odd",
    [
        {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0"},
        {"TMPDIR": "/nonexistent"},
        {"HOME": "/nonexistent"},
        {"HOME": ""},
        {"TZ": "Nowhere/Land"},
        {"COLUMNS": "0", "TERM": "dumb"},
    ],
    ids=",".join,
)
def test_odd_surroundings_change_nothing_of_what_is_said(folder: Path, odd: dict[str, str]) -> None:
    (folder / "b\u00e4d.yaml").write_text((folder / "good.yaml").read_text().replace("verified", "verfied"))
    refused(program(folder, "up", "-c", "b\u00e4d.yaml", **odd), 2, "offer/verfied", "did you mean verified?")
    refused(program(folder, "up", "-c", "good.yaml", VAST_API_KEY="", **odd), 2, "VAST_API_KEY")


class Watched:
    """A port that must not be used: connections remain in its backlog."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def called(self) -> bool:
        try:
            caller, _ = self._socket.accept()
        except BlockingIOError:
            return False
        caller.close()
        return True

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def elsewhere() -> Iterator[Watched]:
    found = Watched()
    yield found
    found.close()


@pytest.mark.parametrize("name", ["VAST_URL", "HTTP_PROXY", *nightly("http_proxy", "ALL_PROXY")])
def test_the_key_goes_where_the_config_says_and_nowhere_the_environment_does(
    folder: Path, elsewhere: Watched, name: str
) -> None:
    done = program(folder, "offers", "-c", "good.yaml", **{name: elsewhere.url})
    refused(done, 5, "Vast.ai did not respond (offers): could not connect", "hint: ")
    assert not elsewhere.called()


def test_a_name_that_nobody_knows_is_said_to_be_one(folder: Path) -> None:
    config = folder / "good.yaml"
    lines = ["  url: https://vast.invalid" if "127.0.0.1" in line else line for line in config.read_text().splitlines()]
    config.write_text("\n".join(lines))
    done = program(folder, "offers", "-c", "good.yaml", ERT_ALLOW_PROVIDER_URL="vast.invalid")
    refused(done, 5, "its name could not be resolved", "no change was made")


def test_a_config_sends_no_key_to_a_host_of_its_own_choice(folder: Path, elsewhere: Watched) -> None:
    config = folder / "good.yaml"
    text = config.read_text()
    line = next(line for line in text.splitlines() if "url: http://127.0.0.1" in line)
    config.write_text(text.replace(line, "  url: https://vast.example"))
    done = program(folder, "offers", "-c", "good.yaml")
    refused(done, 2, "vast/url: vast.example is not console.vast.ai", "export ERT_ALLOW_PROVIDER_URL=vast.example")


@pytest.mark.parametrize("command", ["offers", "down"])
def test_a_config_sends_no_secret_of_another_program(folder: Path, elsewhere: Watched, command: str) -> None:
    """One line of a pull request is enough to name it; the URL is that of a server that would receive it."""
    config = folder / "good.yaml"
    text = config.read_text()
    line = next(line for line in text.splitlines() if "url: http://127.0.0.1" in line)
    text = text.replace("env: VAST_API_KEY", "env: AWS_SECRET_ACCESS_KEY")
    config.write_text(text.replace(line, f"  url: {elsewhere.url}"))
    env = {"AWS_SECRET_ACCESS_KEY": "aws-canary-0123456789", "VAST_API_KEY": ""}
    done = program(folder, command, "-c", "good.yaml", **env)
    refused(done, 2, "AWS_SECRET_ACCESS_KEY does not start with VAST_", "VAST_API_KEY=")
    assert "aws-canary" not in done.stdout + done.stderr
    assert not elsewhere.called()


def printing(folder: Path, output: int) -> tuple[int, str]:
    """Run a command that writes to `output`: return its exit code and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "ert_deploy.cli", "init", "--reference"],
        cwd=folder, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}, stdout=output, stderr=subprocess.PIPE,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


def test_a_full_disk_behind_the_output_is_said(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        code, said = printing(tmp_path, full.fileno())
    assert code == 1
    assert said.startswith("error: nothing more could be written: No space left on device\nhint: ")


def test_a_reader_that_has_gone_is_left_in_peace(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert printing(tmp_path, writer) == (141, "")
    finally:
        os.close(writer)
