"""Company and market figures from files, the SEC or Yahoo, with a cache. Must not import `web`, `reports` or `auth`."""
