"""Shim for one release: `python -m ert_deploy.sandbox.model` is now `python -m ert_deploy.sandbox.ollama.weights`."""

from ert_deploy.sandbox.ollama.weights import main

if __name__ == "__main__":
    raise SystemExit(main())
