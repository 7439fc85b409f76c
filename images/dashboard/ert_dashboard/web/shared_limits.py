"""Rate limits that all processes count together, in the Redis or Valkey that also carries the live updates.

The buckets are those of `base.rate_limit`, kept by a script that the store runs as a whole, by the store's clock. While
the store does not respond, each process counts for itself, as it does without one.
"""

from __future__ import annotations

import hashlib
import logging
import threading

import redis

from ert_dashboard.base import redaction
from ert_dashboard.base.clock import Clock
from ert_dashboard.base.rate_limit import Limiter, Rates
from ert_dashboard.base.secret import Secret

_LOG = logging.getLogger(__name__)
_WAIT_S = 0.5  # a request waits for it
_AGAIN_S = 5.0
_PREFIX = "ert-dashboard:limit"
# KEYS[1]: when the bucket is full again, in Unix seconds; it expires then. ARGV: seconds between two events, and burst.
_TAKE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local gap, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0')) + gap
local wait = full - now - burst * gap
if wait > 0.000001 then return string.format('%.6f', wait) end
redis.call('SET', KEYS[1], string.format('%.6f', full), 'PX', math.ceil((full - now) * 1000) + 1)
return '0'
"""


class SharedLimits:
    """Client of the store, which makes limiters."""

    def __init__(self, url: Secret, clock: Clock) -> None:
        """Prepare the client without connecting; raise ValueError for a URL that is none."""
        self._clock = clock
        self._client = redis.Redis.from_url(
            url.reveal(), socket_connect_timeout=_WAIT_S, socket_timeout=_WAIT_S, client_name="ert-dashboard"
        )
        self._script = self._client.register_script(_TAKE)
        self._lock = threading.Lock()
        self._silent_until = float("-inf")

    def limiter(self, name: str, per_second: float, burst: float) -> Limiter:
        """Return a limiter of this name; those of all processes with one name are one."""
        return _SharedRates(self, name, per_second, burst, Rates(per_second, burst, self._clock))

    def close(self) -> None:
        self._client.close()

    def take(self, name: str, key: str, gap_s: float, burst: float) -> float | None:
        """Return the seconds to wait, 0 if the event is counted; None while the store does not respond."""
        with self._lock:
            if self._clock.monotonic() < self._silent_until:
                return None
        hashed = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:32]
        try:
            return float(self._script(keys=[f"{_PREFIX}:{name}:{hashed}"], args=[repr(gap_s), repr(burst)]))
        except (redis.RedisError, ValueError) as error:
            _LOG.warning("limits are counted by each process for now: %s", redaction.clean(str(error)))
            with self._lock:
                self._silent_until = self._clock.monotonic() + _AGAIN_S
            return None


class _SharedRates:
    """Limiter that counts in the store, and by itself while that does not respond."""

    def __init__(self, limits: SharedLimits, name: str, per_second: float, burst: float, alone: Rates) -> None:
        self._limits = limits
        self._name = name
        self._gap_s = 1 / per_second if per_second > 0 else 0.0
        self._burst = burst
        self._alone = alone

    def take(self, key: str = "") -> float:
        """Count the event and return 0 if it is allowed now, else return the seconds to wait without counting it."""
        if not self._gap_s:
            return 0.0
        wait = self._limits.take(self._name, key, self._gap_s, self._burst)
        return self._alone.take(key) if wait is None else wait
