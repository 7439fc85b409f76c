"""Market data settings: the data sources that the operator enabled, parsed from the environment.

Without any of them the dashboard has only its bundled sample companies, and sends no requests.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ert_dashboard.base.env import BadSetting

_AGENT = "ERT_SEC_USER_AGENT"
# The SEC requires a name and a mail address, and otherwise responds with 403.
_AGENT_SHAPE = re.compile(r"[\x20-\x7e]{1,150}")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True)
class Sources:
    """Enabled data sources in lookup order: the operator's files, the SEC, Yahoo; the samples are always last."""

    folder: Path | None = None
    sec_user_agent: str | None = None
    yahoo: bool = False


def read_sources(environ: Mapping[str, str]) -> Sources:
    """Parse the settings; raise `BadSetting` for a source that cannot work."""
    folder = environ.get("ERT_MARKET_DATA_DIR", "").strip()
    agent = environ.get(_AGENT, "").strip()
    if agent and not (_AGENT_SHAPE.fullmatch(agent) and _MAIL.search(agent)):
        raise BadSetting(
            f"{_AGENT} must be a name and a mail address, as the SEC requires: Example Ltd ops@example.com"
        )
    yahoo = environ.get("ERT_MARKET_YAHOO", "").strip().lower() in ("1", "true", "yes", "on")
    if yahoo and importlib.util.find_spec("yfinance") is None:
        raise BadSetting("ERT_MARKET_YAHOO needs the package yfinance, which is not installed: pip install yfinance")
    return Sources(Path(folder) if folder else None, agent or None, yahoo)
