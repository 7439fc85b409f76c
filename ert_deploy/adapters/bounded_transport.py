"""Transport for `requests`: limited connections, restricted IP addresses, and the CA bundle of the environment.

A transport serves one request. Other defaults of `requests` are disabled here or by the only user of this module,
`bounded_http`: .netrc files, redirects, its own selection of certificates.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import requests.adapters
import requests.utils
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from ert_deploy.adapters.bounded_socket import Forbidden, LimitedTls, Reach, connect, everywhere
from ert_deploy.core.model.text import printable

# In order of precedence, used instead of the CA file of `requests`: its own variable, curl's, OpenSSL's two.
CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


class Transport(requests.adapters.HTTPAdapter):
    """Creates the connections of one request. `context` is for the server or a proxy; None for plain http."""

    def __init__(self, context: ssl.SSLContext | None, reach: Reach) -> None:
        self._context = context
        self._reach = reach
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        """Create the pool manager like `requests`, with this SSL context."""
        super().init_poolmanager(*arguments, **named, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        """Create the proxy manager like `requests`, with this SSL context for the proxy and for the server.

        Raises `Forbidden` for a SOCKS proxy.
        """
        if proxy.lower().startswith("socks"):
            raise Forbidden("the environment names a SOCKS proxy, and only http and https proxies are used")
        trusted = {"ssl_context": self._context, "proxy_ssl_context": self._context}
        return super().proxy_manager_for(proxy, **named, **trusted)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Do nothing: the context has its CA file."""

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        """Return the connection pool of the request, with connections of this module."""
        pool: Any = super().get_connection_with_tls_context(request, verify, proxies, cert)
        kind = _Tls if pool.scheme == "https" else _Plain
        pool.ConnectionCls = partial(kind, reach=self._reach)
        return pool


class _Plain(HTTPConnection):
    """A connection over a limited socket; `reach` does not apply to a proxy, which the operator configured."""

    def __init__(self, *arguments: Any, reach: Reach, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._reach = everywhere if self.proxy is not None else reach

    def _new_conn(self) -> Any:
        wait = self.timeout if isinstance(self.timeout, int | float) else float("inf")
        try:
            return connect(self._dns_host, self.port, self._reach, wait)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "timed out") from error
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except OSError as error:
            raise NewConnectionError(self, "no connection") from error


class _Tls(_Plain, HTTPSConnection):
    """The same connection over TLS."""


def context(path: str = "", env: Mapping[str, str] | None = None) -> ssl.SSLContext:
    """Create the SSL context with the CA bundle (or directory) at `path`, of the environment, or of `requests`.

    Raises `Forbidden` when it cannot be read.
    """
    name, path = ("the CA bundle", path) if path else _named(os.environ if env is None else env)
    try:
        return _context(path, Path(path).stat().st_mtime_ns)
    except (OSError, ValueError) as error:
        raise Forbidden(f"{name} cannot be read: {printable(path, 120)} ({type(error).__name__})") from None


def _named(env: Mapping[str, str]) -> tuple[str, str]:
    for name in CA_VARIABLES:
        if env.get(name):
            return f"the CA bundle that {name} names", env[name]
    return "the CA bundle", requests.utils.DEFAULT_CA_BUNDLE_PATH


@lru_cache(maxsize=4)
def _context(path: str, _changed: int) -> ssl.SSLContext:
    """Load a CA file, cached: loading takes some 10 ms, and a command sends a dozen requests."""
    made = create_urllib3_context()
    made.sslsocket_class = LimitedTls
    if Path(path).is_dir():
        made.load_verify_locations(capath=path)
    else:
        made.load_verify_locations(cafile=path)
    return made
