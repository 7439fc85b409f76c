"""Host of the official `vastai` CLI: imports it once, then runs each command line in a fork of its own.

Standard library and the unmodified package only, so that it runs in any environment with `vastai`. Reads lines of JSON
(a list of arguments) and writes one line `{"code", "out", "err"}` for each.
"""

from __future__ import annotations

import json
import os
import pkgutil
import sys
import tempfile
import traceback
from collections.abc import Callable


def _import() -> Callable[[], None]:
    """Import what the console script would import, so that a fork starts at once."""
    import importlib

    main = importlib.import_module("vastai.cli.main")
    commands = importlib.import_module("vastai.cli.commands")
    for module in pkgutil.iter_modules(commands.__path__):
        importlib.import_module(f"vastai.cli.commands.{module.name}")
    for name in ("rich.box", "rich.panel", "rich.prompt", "rich.table"):
        importlib.import_module(name)
    entry: Callable[[], None] = main.main
    return entry


def _child(entry: Callable[[], None], arguments: list[str]) -> int:
    """Run one command line as the console script does: `sys.exit(main())`."""
    sys.argv = ["vastai", *arguments]
    try:
        entry()
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return int(ended.code or 0)
        sys.stderr.write(f"{ended.code}\n")
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _run(entry: Callable[[], None], arguments: list[str]) -> dict[str, object]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            nothing = os.open(os.devnull, os.O_RDONLY)
            for place, source in enumerate((nothing, out.fileno(), err.fileno())):
                os.dup2(source, place)
            sys.stdin = os.fdopen(0, closefd=False)
            code = _child(entry, arguments)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code & 0xFF)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return {"code": code, "out": texts[0], "err": texts[1]}


def serve() -> None:
    """Serve command lines until the end of the input."""
    entry = _import()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_run(entry, json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
