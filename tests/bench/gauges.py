"""Reads processor time, memory, load and versions from the system. Linux provides all of them."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from pathlib import Path
from typing import Any

_TICKS = os.sysconf("SC_CLK_TCK")
TICK_S = 1 / _TICKS


def cpu_s(pid: int) -> float:
    """Processor seconds that a process has used, in user and kernel mode."""
    return _cpu_s(pid, 2)


def tree_cpu_s(pid: int) -> float:
    """The same of a process and all that it started, also of those that have ended and were waited for."""
    started = (each.read_text().split() for each in Path(f"/proc/{pid}/task").glob("*/children"))
    return _cpu_s(pid, 4) + sum(tree_cpu_s(int(child)) for children in started for child in children)


def _cpu_s(pid: int, fields: int) -> float:
    # The program's name is in parentheses and may contain spaces; after it come, among others, the times of
    # the process in user and kernel mode, and those of its ended children.
    rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, rest[11 : 11 + fields])) / _TICKS


def memory_mb(pid: int | str = "self") -> tuple[float, float]:
    """Resident memory of a process in MB: the peak, and the current value."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kilobytes = {
        name: int(rest.split()[0])
        for name, _, rest in (line.partition(":") for line in lines)
        if name in ("VmHWM", "VmRSS")
    }
    return kilobytes["VmHWM"] / 1024, kilobytes["VmRSS"] / 1024


def shared_memory_mb(pid: int) -> float:
    """Resident memory of a process in MB, with its part of each page that it shares with others."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def machine() -> dict[str, Any]:
    """The facts of the machine that affect the values."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load_before": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return names[0] if names else platform.machine()


def supported() -> bool:
    """Whether this system provides the process figures."""
    return sys.platform == "linux"
