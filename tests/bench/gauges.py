"""Reads processor time, memory, load and versions from the system. Linux provides all of them."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from pathlib import Path
from typing import Any

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Processor seconds that a process has used, in user and kernel mode."""
    # The program's name is in parentheses and may contain spaces; the fields come after it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


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
