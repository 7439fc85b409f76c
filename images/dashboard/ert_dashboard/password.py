"""Deprecated alias, kept for one release: `python -m ert_dashboard.password` is now `ert_dashboard.auth.password`."""

from ert_dashboard.auth.password import main

if __name__ == "__main__":
    raise SystemExit(main())
