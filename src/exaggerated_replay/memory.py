"""How much memory there is for this process: the machine's, or the less that a container or a batch system leaves."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MACHINE = Path("/proc/meminfo")
OWN_GROUPS = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")

# Of a control group: the limit, what counts against it, and the part of that which the kernel gives back when asked.
SECOND = ("memory.max", "memory.current", "inactive_file")
FIRST = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def whole_memory() -> int:
    """Return the bytes that this process and its neighbours share: what is built in, or a lower limit."""
    built_in = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([built_in, *(limit for limit, _ in _limits())])


def available_memory() -> int:
    """Return the bytes that can still be allocated: what Linux estimates, and never more than a limit leaves."""
    return max(0, min([_unused(), *(limit - used for limit, used in _limits())]))


def _unused() -> int:
    try:
        lines = MACHINE.read_text(encoding="ascii").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return whole_memory()


def _limits() -> Iterator[tuple[int, int]]:
    """Yield each limit that holds for this process, and the bytes that count against it and are not given back.

    A group lies within others, and the limits of all of them hold. In a container the path may be that of the machine,
    while the container's own group is what lies at the top: groups that are not there are passed over.
    """
    for top, names, path in _groups():
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for depth in range(len(parts) + 1):
            with suppress(OSError, ValueError):  # ValueError: "max", which is no limit
                yield _limit(top.joinpath(*parts[:depth]), *names)


def _groups() -> Iterator[tuple[Path, tuple[str, str, str], str]]:
    """Yield where the groups that limit memory lie, how their files are called, and the path of this process's own."""
    with suppress(OSError):
        for line in OWN_GROUPS.read_text(encoding="utf-8", errors="replace").splitlines():
            _, kinds, path = line.split(":", 2)
            if not kinds:
                yield GROUPS, SECOND, path
            elif "memory" in kinds.split(","):
                yield GROUPS / "memory", FIRST, path


def _limit(group: Path, limit: str, used: str, inactive: str) -> tuple[int, int]:
    return int((group / limit).read_text()), int((group / used).read_text()) - _given_back(group, inactive)


def _given_back(group: Path, name: str) -> int:
    """Return the bytes of files that lie in memory and that nobody has looked at lately."""
    with suppress(OSError):
        rows = (line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
        return next((int(row[1]) for row in rows if row[0] == name), 0)
    return 0
