"""Generated bad inputs: seeded mutations of keys, paths, framing, JSON, truncated requests and TLS."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable, Iterator
from typing import Any

from tests.abuse.curated import REPORT
from tests.abuse.inputs import GOOD, End, Input, Way, mark, request

SHARES = {"auth~": 26, "path~": 24, "framing~": 17, "json~": 27, "silence~": 3, "tls~": 3}
CALLS = (
    *("GET /status", "GET /metrics", "POST /reports", "POST /generate_report"),
    *("GET /reports/a", "DELETE /reports/a", "PUT /admin/keys", "GET /admin/keys"),
)
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "get", "G\u00cbT")
SEEDS = ["/", "/health", "/identity?nonce=00", "/status", "/reports", "/reports/abc/events", "/metrics", "/admin/keys"]
PIECES = [
    "..",
    "%2e%2e",
    "%00",
    "%0d%0a",
    "//",
    "\\",
    ";",
    "%ff",
    "%u0041",
    "é",
    "~",
    "*",
    "[",
    "{",
    "%",
    "?",
    "#",
    "&",
]


def generated(count: int, seed: int) -> Iterator[Input]:
    """Yield `count` inputs, always the same for one seed."""
    for family, share in SHARES.items():
        for index in range(count * share // 100):
            yield MAKERS[family](random.Random(f"{seed}/{family}/{index}"), family, index)


def _noise(rng: random.Random, most: int) -> bytes:
    return bytes(rng.choice((rng.randrange(256), rng.randrange(33, 127))) for _ in range(rng.randrange(1, most)))


def _key(rng: random.Random, family: str, index: int) -> Input:
    near = bytearray(GOOD.encode())
    for _ in range(rng.randrange(1, 4)):
        near[rng.randrange(len(near))] ^= 1 << rng.randrange(8)
    token = rng.choice((bytes(near), _noise(rng, 200), GOOD[: rng.randrange(1, 30)].encode(), GOOD.encode() * 2))
    scheme = rng.choice((b"Bearer ", b"bearer ", b"Basic ", b"Bearer  ", b"Token ", b"", b"Bearer\t", b"BEARER "))
    header = b"Authorization: " + scheme + token.translate(None, b"\r\n") + b"\r\n"
    method, _, path = rng.choice(CALLS).partition(" ")
    canary = f"X-Canary: {mark(family, index)}\r\n".encode()
    if method in {"POST", "PUT"}:
        length = f"Content-Length: {rng.randrange(1, 900_000)}\r\n".encode()
        return Input(family, f"key {index}", (request(method, path, header + canary + length),), withheld=True)
    return Input(family, f"key {index}", (request(method, path, header + canary),))


def _path(rng: random.Random, family: str, index: int) -> Input:
    path = list(rng.choice(SEEDS))
    canary = mark(family, index)
    for _ in range(rng.randrange(1, 6)):
        path.insert(rng.randrange(len(path) + 1), rng.choice((*PIECES, canary, rng.choice(string.printable[:94]))))
    if rng.random() < 0.2:
        path *= rng.randrange(2, 400)
    target = "".join(path).encode() + (b"" if rng.random() < 0.5 else b"?" + canary.encode())
    method = rng.choice(METHODS).encode("latin-1")
    return Input(family, f"path {index}", (request(method, target, f"X-C: {canary}\r\n".encode()),))


def _framing(rng: random.Random, family: str, index: int) -> Input:
    canary = mark(family, index)
    good = request("POST", "/reports", f"X-C: {canary}\r\n".encode(), json.dumps({"x": canary}).encode(), GOOD)
    lines = good.split(b"\r\n")
    match rng.randrange(6):
        case 0:
            lines.insert(rng.randrange(len(lines)), lines[rng.randrange(len(lines))])
        case 1:
            lines[rng.randrange(len(lines))] += _noise(rng, 60)
        case 2:
            lines.insert(1, b"Transfer-Encoding: " + rng.choice((b"chunked", b"identity", b"xchunked", b"chunked, x")))
        case 3:
            lines.pop(rng.randrange(len(lines) - 1))
        case 4:
            lines[0] = _noise(rng, 80)
        case _:
            rng.shuffle(lines)
    data = bytearray(rng.choice((b"\r\n", b"\r\n", b"\n", b"\r")).join(lines))
    for _ in range(rng.randrange(0, 5)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    end = rng.choice((End.HALF_CLOSE, End.HALF_CLOSE, End.RESET))
    return Input(family, f"framing {index}", (bytes(data),), Way.PLAIN if index % 4 else Way.TLS, end)


def _value(rng: random.Random, canary: str, depth: int = 0) -> Any:
    """Return one unusual JSON value."""
    plain: tuple[Any, ...] = (None, True, -0.0, 2**63, 10**30, float("nan"), float("inf"), "", canary, canary * 50)
    plain += ("\ud800", "\x00", "<|start|>", "\u202e" + canary, [], {}, 1e308, -1, "1", "null")
    if depth > 3 or rng.random() < 0.6:
        return rng.choice(plain)
    if rng.random() < 0.5:
        return [_value(rng, canary, depth + 1) for _ in range(rng.randrange(6))]
    names = (canary, "a", "\udfff", "__proto__")
    return {rng.choice(names): _value(rng, canary, depth + 1) for _ in range(rng.randrange(5))}


def _json(rng: random.Random, family: str, index: int) -> Input:
    canary = mark(family, index)
    body: dict[str, Any] = {**REPORT, "market_data": {}, "sections": None, "extra": canary}
    # Most have an invalid ticker or group: a valid body is a report, and there is only one writer.
    body[rng.choice(("ticker", "company_data", "financial_data"))] = _value(rng, canary)
    for _ in range(rng.randrange(0, 4)):
        body[rng.choice((*body, canary))] = _value(rng, canary)
    method, _, path = rng.choice(("POST /reports", "POST /generate_report", "PUT /admin/keys")).partition(" ")
    # A route that waits requires an invalid body: a valid one is a report, and may take long.
    if path == "/generate_report" or rng.random() < 0.8:
        body["ticker"] = canary * 2
    text = bytearray(json.dumps(body, ensure_ascii=rng.random() < 0.8).encode("utf-8", "surrogatepass"))
    if rng.random() < 0.4:
        for _ in range(rng.randrange(1, 4)):
            text[rng.randrange(len(text))] = rng.choice((0, 34, 44, 91, 123, 255, rng.randrange(256)))
    if rng.random() < 0.1:
        text = text[: rng.randrange(len(text))]
    return Input(family, f"json {index}", (request(method, path, body=bytes(text), key=GOOD),))


def _silent(rng: random.Random, family: str, index: int) -> Input:
    canary = mark(family, index).encode()
    whole = request("POST", "/reports", b"X-C: " + canary + b"\r\n", b'{"x":"' + canary + b'"}', GOOD)
    cut = rng.randrange(len(whole) - 1)
    return Input(family, f"silence {index}", (whole[:cut],), Way.PLAIN if index % 2 else Way.TLS)


def _tls(rng: random.Random, family: str, index: int) -> Input:
    hello = bytearray(_client_hello(rng.choice(("localhost", "ert.ert.internal", mark(family, index)))))
    for _ in range(rng.randrange(1, 9)):
        hello[rng.randrange(len(hello))] = rng.randrange(256)
    data = rng.choice((bytes(hello), bytes(hello[: rng.randrange(1, len(hello))]), _noise(rng, 400)))
    end = rng.choice((End.HALF_CLOSE, End.RESET, End.HALF_CLOSE, End.WAIT))
    return Input(family, f"tls {index}", (data,), Way.RAW, end)


def _client_hello(name: str) -> bytes:
    """Return the first bytes of a TLS client: 1.2 and 1.3 offered, all random bytes equal."""
    host = name.encode()
    extensions = (
        (0, _sized(2, b"\0" + _sized(2, host))),
        (10, _sized(2, b"\0\x1d\0\x17")),
        (13, _sized(2, b"\x04\x03\x08\x04\x04\x01")),
        (43, _sized(1, b"\x03\x04\x03\x03")),
        (51, _sized(2, b"\0\x1d" + _sized(2, b"\x09" * 32))),
    )
    packed = b"".join(kind.to_bytes(2, "big") + _sized(2, data) for kind, data in extensions)
    ciphers = b"\x13\x01\x13\x02\xc0\x2b\xc0\x2f"
    hello = b"\x03\x03" + b"\x07" * 32 + _sized(1, b"\x08" * 32) + _sized(2, ciphers) + b"\x01\0" + _sized(2, packed)
    return b"\x16\x03\x01" + _sized(2, b"\x01" + _sized(3, hello))


def _sized(width: int, data: bytes) -> bytes:
    return len(data).to_bytes(width, "big") + data


MAKERS: dict[str, Callable[[random.Random, str, int], Input]] = {
    "auth~": _key,
    "path~": _path,
    "framing~": _framing,
    "json~": _json,
    "silence~": _silent,
    "tls~": _tls,
}
