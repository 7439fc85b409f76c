"""Index of network calls (`docs/outgoing-calls.md`): complete, and each call uses the documented client."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.outgoing.calls import CALLS

ROOT = Path(__file__).resolve().parents[2]
INDEX = ROOT / "docs" / "outgoing-calls.md"
ROW = re.compile(r"^\| (?P<call>[^|]+) \| `(?P<module>[\w./-]+\.py)` \| (?P<way>[^|]+) \|")
# Names of callables that open a connection, directly or by a library, independent of the imported name.
OPENERS = re.compile(
    r"(?:^|\.)(?:exchange|create_connection|open_connection|create_unix_connection|HTTPConnection|HTTPSConnection"
    r"|urlopen|create_engine|build_opener|urlretrieve|ClientSession|from_url|SSHClient|APIClient|DockerClient|from_env|VastAI|VastClient"
    r"|AsyncClient|connect|connect_ex|sendto)$"
    r"|^(?:requests|httpx|aiohttp)\.(?:get|post|put|delete|patch|head|options|request|stream|Session|session|Client)$"
    r"|^requests\.sessions\.|^(?:boto3|botocore)\.|^(?:smtplib|ftplib|telnetlib|imaplib|poplib|xmlrpc)\."
)
LIBRARIES = frozenset(
    [
        "requests",
        "httpx",
        "aiohttp",
        "boto3",
        "botocore",
        "paramiko",
        "docker",
        "vastai",
        "urllib3",
        "psycopg",
        "redis",
        "smtplib",
        "apprise",
        "ftplib",
    ]
)
# Callables with such a name that do not open a network connection.
HARMLESS = {
    ("images/dashboard/ert_dashboard/storage/file_columns.py", "sqlite3.connect"),
}


def rows() -> dict[str, str]:
    """Parse the index into the documented client by module."""
    found = (ROW.match(line) for line in INDEX.read_text().splitlines())
    return {row["module"]: row["way"].strip() for row in found if row}


@cache
def product() -> tuple[Path, ...]:
    """Return all Python files that users run: CLI, images, action."""
    found = (p for top in ("ert_deploy", "images", "ci") for p in (ROOT / top).rglob("*.py"))
    return tuple(sorted(p for p in found if "node_modules" not in p.parts))


@cache
def openers(path: Path) -> set[str]:
    """Return the callables and base classes used by a module that may open a connection."""
    tree = ast.parse(path.read_text())
    named = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named += [base for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for base in node.bases]
    return {text for text in map(ast.unparse, named) if OPENERS.search(text)}


def imported(path: Path) -> set[str]:
    """Return the network libraries imported by a module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found & LIBRARIES


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_module_that_opens_a_connection_is_in_the_index_and_no_other() -> None:
    opening = {name(p) for p in product() if {(name(p), o) for o in openers(p)} - HARMLESS}
    assert opening == set(rows())


def test_what_leaves_the_operators_machine_for_a_name_goes_through_the_one_exchange() -> None:
    through = {module for module, way in rows().items() if way.startswith("`exchange`")}
    calling = {name(p) for p in product() if any(o.endswith("exchange") for o in openers(p))}
    assert calling == through
    for module in through:
        rest = {o for o in openers(ROOT / module) if not o.endswith("exchange")} - {"VastClient"}
        assert not rest, f"{module} has another way out: {rest}"


def test_a_library_with_a_network_in_it_is_imported_only_where_the_index_says_why() -> None:
    text = INDEX.read_text()
    for path in product():
        if imported(path) and name(path) not in rows():
            assert f"`{name(path)}`" in text, f"{name(path)} imports {imported(path)}: say in the index what for"


def test_the_openers_are_found() -> None:
    """The search detects each of these statements, which would need an entry in the index."""
    for called in ("requests.get", "httpx.Client", "socket.create_connection", "s.connect", "exchange", "aio.connect"):
        assert OPENERS.search(called), called
    for called in ("self._exchange", "disconnect", "requests.Response", "httpx.Timeout", "reconnect"):
        assert not OPENERS.search(called), called


@pytest.mark.parametrize("module", sorted(rows()))
def test_a_call_of_the_index_is_played_in_every_trouble_or_stays_on_this_machine(module: str) -> None:
    way = rows()[module]
    played = {call.module for call in CALLS}
    assert module in played or "loopback" in way or "not HTTP" in way or "part of" in way or "makes" in way, module
