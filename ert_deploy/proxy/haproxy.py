"""HAProxy's files for a proxy, and the commands for its admin socket that add or drain a server at run time.

All of it may hold keys, so that it is returned as `Secret`: files with mode 0600, commands without a log.
"""

from __future__ import annotations

from pathlib import Path

from ert_deploy.core.model.labels import MOST_REPLICAS
from ert_deploy.core.model.secret import Secret
from ert_deploy.proxy.servers import Proxy, ProxyServer

CONFIG, KEYS = "haproxy.cfg", "keys.map"
MASTER = "master.sock"  # of the master process, where it was started with `-S`
BUFFER = 65536  # bytes; a larger request is passed on, and not repeated on another machine
_CHECK = "check inter 1s fall 2 rise 1"
_OF_MACHINE = f"{_CHECK} observe layer4 error-limit 1 on-error mark-down"  # down at the first connection that fails
_OF_ADDED = f"{_CHECK} observe layer7 error-limit 1 on-error mark-down"


def files(proxy: Proxy) -> dict[str, Secret]:
    """Return the content of each file in the folder, by its name; raises `UsageError`.

    The template engine is imported only for this, so that other commands start faster.
    """
    import jinja2

    proxy = proxy.checked()
    servers = sorted(proxy.servers, key=lambda server: server.number)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - no HTML; every value is checked in `servers`
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    config = environment.get_template("haproxy.cfg.j2").render(
        folder=proxy.folder,
        port=proxy.port,
        bufsize=BUFFER,
        servers=servers,
        numbers=range(1, MOST_REPLICAS + 1),
        stage=lambda server: _stage(proxy, server),
        machine=lambda server: _machine(proxy, server),
        checks=_OF_MACHINE,
    )
    return {
        CONFIG: Secret(config),
        KEYS: Secret("".join(f"{server.number} {server.token}\n" for server in servers)),
        **{_pin(server): Secret(f"{server.pin}\n") for server in servers},
    }


def added(proxy: Proxy, server: ProxyServer) -> tuple[Secret, ...]:
    """Return the commands that add a server, one for each connection to the socket; raises `UsageError`.

    Its number is one that the proxy has not; a machine, certificate or key that changes needs other files and a reload,
    and so does a restart that is to know this server. HAProxy lets no server that is added follow another one, so that
    this one is checked through both stages: the first request after it was lost may get 503.
    """
    server = server.checked()
    pin = f"{proxy.folder}/{_pin(server)}"
    lines = (
        f"new ssl ca-file {pin}",
        f"set ssl ca-file {pin} <<\n{server.pin}\n",
        f"commit ssl ca-file {pin}",
        f"add server pinned/{server.name} {_machine(proxy, server)}",
        f"set server pinned/{server.name} state ready",
        f"add map {proxy.folder}/{KEYS} {server.number} {server.token}",
        f"add server llm/{server.name} {_stage(proxy, server)} {_OF_ADDED}",
        f"enable health llm/{server.name}",
        f"set server llm/{server.name} state ready",
    )
    return tuple(Secret(line) for line in lines)


def drained(number: int) -> str:
    """Return the command after which a server gets no new request; those that it has go on."""
    return f"set server llm/r{number} state drain"


def _pin(server: ProxyServer) -> str:
    return f"ca-{server.number}.pem"


def _stage(proxy: Proxy, server: ProxyServer) -> str:
    """Return address and options of a server in the first stage: the socket of its number in the second."""
    return f"unix@{proxy.folder}/{server.name}.sock maxconn {server.slots}"


def _machine(proxy: Proxy, server: ProxyServer) -> str:
    """Return address and options of a server in the second stage: the machine."""
    return f"{server.address} ssl verify required ca-file {proxy.folder}/{_pin(server)}"
