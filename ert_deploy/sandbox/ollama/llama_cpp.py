"""llama.cpp: imports `xllamacpp` with threads that share a busy machine."""

from __future__ import annotations

import os
from typing import Any


def xllamacpp() -> Any:
    """Import and return the module; OpenMP reads its settings at this moment, once in a process.

    By default its threads spin while they wait for each other. On a busy machine each then waits for one that
    cannot run: at a load of 11 on two CPUs, 48 tokens need a minute instead of two seconds.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import xllamacpp as module

    return module
