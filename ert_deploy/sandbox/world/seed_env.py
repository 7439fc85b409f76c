"""Initial environment of the service, before an LLM is configured."""

from __future__ import annotations

import random


def unrelated_env(seed: int) -> dict[str, str]:
    """Return the variables of an existing service, which are unrelated to the LLM and must never be changed.

    There are more than 20, the default page of Render, with values that naive clients handle incorrectly. The keys are
    not valid anywhere.
    """
    chance = random.Random(seed)  # noqa: S311 - a fixture, no secret

    def token(length: int) -> str:
        return "".join(chance.choice("0123456789abcdef") for _ in range(length))

    names = ("FMP", "ALPHA_VANTAGE", "POLYGON", "FINNHUB", "NEWSAPI")
    return {
        **{f"{name}_{'KEY' if name == 'NEWSAPI' else 'API_KEY'}": f"sandbox-{token(24)}" for name in names},
        "FLASK_ENV": "production",
        "PYTHON_VERSION": "3.11.9",
        "PYTHONUNBUFFERED": "1",
        "ERT_SECRET_KEY": token(64),
        "SECRET_KEY": token(64),
        "ERT_LOG_LEVEL": "INFO",
        "ERT_DEBUG": "false",
        "ADVANCED_FEATURES": "true",
        "CACHE_TTL_SECONDS": "300",
        "MAX_TICKER_LENGTH": "12",
        "MAX_QUEUE_SIZE": "100",
        "USE_POLYGON_PRIMARY": "false",
        "SUPPORT_EMAIL": "research@localhost",
        "PAGE_TITLE": "Aktienanalyse für Anfänger: naïve Modelle, 株式, 𠮷",
        "DISCLAIMER": "Not investment advice.\nFigures may be late.\n\nAsk somebody who knows.\n",
        "FEATURE_FLAGS": '{"watchlist": true, "peers": ["AAPL", "MSFT"], "limits": {"day": 50}}',
        "ALLOWED_ORIGINS": "https://localhost:8443,https://127.0.0.1:8444",
        "QUOTED": "a 'single' and a \"double\" = $HOME #not-a-comment \\n",
        "EMPTY_ON_PURPOSE": "",
        "TRAILING_SPACE": "kept ",
        "TZ": "Europe/Zurich",
        "SENTRY_TRACES_SAMPLE_RATE": "0.05",
    }
