"""Company and market data from files, the SEC or Yahoo, with a cache. Must not import `web`, `reports` or `auth`."""
