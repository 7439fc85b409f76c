"""State in PostgreSQL: a real server that is restarted, killed, and behind a proxy that swallows replies."""

from __future__ import annotations

import signal
import threading
from dataclasses import replace

import pytest

from ert_deploy.adapters.state import postgres_objects
from ert_deploy.adapters.state.object_state import StateObject
from ert_deploy.adapters.state.objects import Unmet
from ert_deploy.adapters.state.postgres_objects import KEPT, PostgresObjects
from ert_deploy.adapters.state.postgres_url import database as read_url
from ert_deploy.core import redaction
from ert_deploy.core.model.errors import CannotObserve, Damaged, Failed, StateConflict, UsageError
from ert_deploy.core.model.state import State
from tests.support.doubles import cutting_proxy, postgres
from tests.support.fakes.timing import FakeClock
from tests.support.state.shelf import FULL

VARIABLE = "ERT_STATE_DATABASE_URL"
KEY = "ert.json"


@pytest.fixture
def server(database: postgres.Server) -> postgres.Server:
    return database


def objects(url: str) -> PostgresObjects:
    return PostgresObjects(read_url(VARIABLE, {VARIABLE: url}), FakeClock())


def state(url: str) -> StateObject:
    return StateObject(objects(url), KEY, "ert")


def through(server: postgres.Server, proxy: cutting_proxy.Proxy, name: str) -> str:
    return server.url(name).replace(f":{server.port}/", f":{proxy.port}/")


def test_the_first_write_creates_the_tables_and_reading_creates_nothing(server: postgres.Server) -> None:
    name = server.database()
    store = state(server.url(name))
    assert store.load() == State("ert")
    assert store.history() == ()
    assert server.execute("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'ert_deploy%'", name) == [(0,)]
    store.save(FULL)
    assert store.where == f"postgres://127.0.0.1:{server.port}/{name}#ert.json"
    assert server.execute("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'ert_deploy%'", name) == [(2,)]


def test_eight_first_writers_create_the_tables_once_and_one_wins(server: postgres.Server) -> None:
    name = server.database()
    ready, won, other = threading.Barrier(8), list[int](), list[BaseException]()

    def write() -> None:
        store = state(server.url(name))
        ready.wait()
        try:
            won.append(store.save(FULL).generation)
        except StateConflict:
            pass
        except BaseException as error:
            other.append(error)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (won, other) == ([1], [])


@pytest.mark.parametrize("request_that_is_cut", [b"INSERT INTO ert_deploy_objects", b"COMMIT"])
def test_a_write_whose_reply_is_lost_counts_if_it_took_effect_and_is_repeated_if_not(
    server: postgres.Server, request_that_is_cut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server does not learn that the client has gone: the transaction holds the row until it was idle for long."""
    monkeypatch.setattr(postgres_objects, "IDLE", 1)
    name = server.database()
    with cutting_proxy.before(server.port) as proxy:
        store = state(through(server, proxy, name))
        store.load()
        state(server.url(name))._objects.put("other.json", b"{}", None, "m")  # the tables exist
        proxy.cut = request_that_is_cut
        saved = store.save(FULL)
        assert proxy.cuts == 1
        proxy.cut = b"COMMIT"
        assert store.save(saved).generation == 2
        assert proxy.cuts == 2
    assert state(server.url(name)).load() == replace(FULL, generation=2)
    assert len(state(server.url(name)).history()) == 2, "no version twice"


def test_a_lost_reply_after_which_another_run_wrote_is_a_conflict(server: postgres.Server) -> None:
    name = server.database()
    mine, theirs = state(server.url(name)), state(server.url(name))
    saved = mine.save(FULL)
    theirs.save(theirs.load())
    with pytest.raises(StateConflict, match="at generation 2, we read 1"):
        mine.save(saved)


def test_a_restart_and_a_killed_server_between_two_writes_are_not_noticed(server: postgres.Server) -> None:
    name = server.database()
    store = state(server.url(name))
    saved = store.save(FULL)
    for number in (signal.SIGINT, signal.SIGQUIT):
        server.stop(number)
        server.start()
        saved = store.save(saved)
    assert store.load().generation == 3
    assert server.execute("SELECT count(*) FROM ert_deploy_versions", name) == [(3,)]


def test_a_server_that_is_gone_is_said_and_nothing_is_written(server: postgres.Server) -> None:
    name = server.database()
    store = state(server.url(name))
    saved = store.save(FULL)
    server.stop()
    try:
        with pytest.raises(CannotObserve, match=r"cannot read postgres://127\.0\.0\.1") as gone:
            store.load()
        assert VARIABLE in gone.value.hint
        with pytest.raises(Failed, match="cannot be written") as failed:
            store.save(saved)
        assert "when the database responds" in failed.value.hint
    finally:
        server.start()
    assert state(server.url(name)).load() == saved


def test_a_server_that_never_answers_cannot_hold_the_run(
    server: postgres.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = server.database()
    with cutting_proxy.before(server.port) as proxy:
        store = state(through(server, proxy, name))
        saved = store.save(FULL)
        monkeypatch.setattr(postgres_objects, "TOTAL", 0.2)
        monkeypatch.setattr(postgres_objects, "CONNECT", 2)
        proxy.silent = True
        with pytest.raises((CannotObserve, Failed)):
            store.save(saved)


def troubled(server: postgres.Server, name: str, trouble: str) -> str:
    match trouble:
        case "password":
            return server.url(name, password="wrong-canary-0123456789")
        case "user":
            return server.url(name, user="nobody-here")
        case "database":
            return server.url("no_such_database")
        case "rights":
            server.execute("CREATE ROLE reader LOGIN PASSWORD 'reader-canary-0123456789'")
            server.execute("REVOKE CREATE ON SCHEMA public FROM public", name)
            return server.url(name, "reader", "reader-canary-0123456789")
        case _:
            server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            return server.url(name)


@pytest.mark.parametrize(
    ("trouble", "message", "hint"),
    [
        ("password", "does not accept the user or the password", VARIABLE),
        ("user", "does not accept the user or the password", VARIABLE),
        ("database", "does not exist", VARIABLE),
        ("rights", "not allowed to", "create tables once"),
        ("read-only", "read-only", "primary"),
    ],
)
def test_what_the_owner_has_to_mend_is_named_without_the_password(
    server: postgres.Server, trouble: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        state(troubled(server, server.database(), trouble)).save(FULL)
    shown = f"{refused.value} {refused.value.detail} {refused.value.hint}"
    assert hint in shown
    assert "canary" not in shown


def test_the_last_versions_are_kept_and_no_more(server: postgres.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert KEPT == 100
    monkeypatch.setattr(postgres_objects, "KEPT", 3)
    store = state(server.url(server.database()))
    saved = store.save(FULL)
    for _ in range(5):
        saved = store.save(saved)
    kept = store.history()
    assert [version.kind for version in kept] == ["current", "earlier", "earlier"]
    assert kept[0].at > 1.7e9
    assert store.set_aside()
    assert store.history()[0].kind == "deleted"


def test_a_table_that_was_dropped_is_a_state_that_is_gone(server: postgres.Server) -> None:
    name = server.database()
    store = state(server.url(name))
    saved = store.save(FULL)
    server.execute("DROP TABLE ert_deploy_objects", name)
    with pytest.raises(StateConflict, match="is gone"):
        store.save(saved)
    with pytest.raises(Unmet):
        objects(server.url(name)).delete(KEY, "m")
    assert state(server.url(name)).save(FULL).generation == 1


def test_a_document_that_somebody_edited_is_damaged(server: postgres.Server) -> None:
    name = server.database()
    store = state(server.url(name))
    store.save(FULL)
    server.execute("UPDATE ert_deploy_objects SET body = '{}'", name)
    with pytest.raises(Damaged):
        store.load()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not set"),
        ("secret-canary-0123456789", "is not the URL of a database"),
        ("https://user:secret-canary-0123456789@127.0.0.1/db", "is not the URL of a database"),
        ("postgres://user:secret-canary-0123456789@127.0.0.1", "is not the URL of a database"),
        ("postgres://user:secret-canary-0123456789@127.0.0.1:port/db", "is not the URL of a database"),
        ("postgres://user:secret-canary-0123456789@[::1/db", "is not the URL of a database"),
        ("postgres://user:secret-canary-0123456789@127.0.0.1/db?host=db.invalid", "is not the URL of a database"),
        ("postgres://user:secret-canary-0123456789@a.invalid,b.invalid/db", "is not the URL of a database"),
        ("postgres://user:secret-canary-0123456789@db.invalid/db?sslmode=disable", "sslmode=disable"),
        ("postgres://user:secret-canary-0123456789@db.invalid/db?sslmode=prefer", "read and replaced"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_showing_it(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        read_url(VARIABLE, {VARIABLE: text})
    assert "canary" not in f"{refused.value} {refused.value.detail} {refused.value.hint}"


def test_beyond_this_machine_the_connection_is_encrypted_and_the_password_masked() -> None:
    url = "postgresql://user:p%40ss-canary-0123456789@db.invalid:6432/team"
    found = read_url(VARIABLE, {VARIABLE: url})
    assert (found.place, found.sslmode) == ("db.invalid:6432/team", "require")
    assert "canary" not in repr(found)
    assert "canary" not in redaction.clean("said p@ss-canary-0123456789")
    stricter = read_url(VARIABLE, {VARIABLE: f"{url}?sslmode=verify-full&sslrootcert=system"})
    assert stricter.sslmode == ""
    assert read_url(VARIABLE, {VARIABLE: "postgres://u:p@localhost/db"}).sslmode == ""
