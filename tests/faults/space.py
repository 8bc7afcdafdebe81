"""A disk that is full, a limit on the size of files, folders that cannot be written, runs on another file system.

A job that cannot go on says so in one sentence and leaves no traceback; once there is room, the same command goes on.
"""

import os
import resource
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.every_call import goes_on, kill_everywhere, prepare
from tests.faults.shim import Ended, attempt
from tests.faults.study import Files, Step, chosen, difference, files, lay_out, put_back, steps

PAGE = 4096
MEMORY = Path("/dev/shm")  # noqa: S108 (a folder of the campaign's own is made in it)


def without_room(place: Path, jobs: list[Step], count: Counter[str], tries: int) -> list[str]:
    """Give every job too little room, in as many ways as `tries` says, and then enough.

    Needs a file system of its own below the study, which root can mount.
    """
    failures: list[str] = []
    with _file_system(place) as grow:
        lay_out(place)
        for step in jobs:
            before, after = _before_and_after(place, step)
            if step.skipped:
                continue
            needed = max(1, (_size(after) - _size(before)) // PAGE + 8)
            for k in range(tries):
                grow(None)
                put_back(place, before)
                grow(_used(place) + (k * needed // tries + k % 2) * PAGE)
                failed = attempt(step.job, place, [])
                grow(None)
                count["full disks"] += 1
                failures += _refused(step, failed, "full disk", place, after)
            _finish(place, step, before)
    return failures


def with_short_files(place: Path, jobs: list[Step], count: Counter[str], tries: int) -> list[str]:
    """Limit the size of files (`ulimit -f`) to parts of the largest that a job writes, and then no more."""
    failures: list[str] = []
    for step in jobs:
        before, after = _before_and_after(place, step)
        if step.skipped:
            continue
        largest = max((len(content) for name, content in after.items() if before.get(name) != content), default=1)
        for k in range(tries):
            size = largest * k // tries
            put_back(place, before)

            def limit(size: int = size) -> None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

            failed = attempt(step.job, place, [], limit=limit)
            count["limits of file sizes"] += 1
            failures += _refused(step, failed, f"ulimit -f of {size} bytes", place, after)
        _finish(place, step, before)
    return failures


def read_only(place: Path, jobs: list[Step], count: Counter[str]) -> list[str]:
    """Let nothing be written, and then all."""
    failures: list[str] = []
    for step in jobs:
        before, after = _before_and_after(place, step)
        if step.skipped:
            continue
        put_back(place, before)
        with _unwritable(place):
            failed = attempt(step.job, place, [])
            if left := difference(files(place), before):
                failures.append(f"{step.name}, read-only: {left}")
        count["read-only folders"] += 1
        failures += _refused(step, failed, "read-only", place, after)
        _finish(place, step, before)
    return failures


def on_another_file_system(place: Path, count: Counter[str], most: int | None, only: tuple[str, ...]) -> list[str]:
    """Keep the runs on another file system, where moving is copying, and kill the jobs that move them."""
    lay_out(place)
    memory = Path(tempfile.mkdtemp(dir=MEMORY, prefix="faults-"))
    try:
        (place / "results/runs/mine.txt").rename(place / "mine.txt")
        (place / "results/runs").rmdir()
        (place / "results/runs").symlink_to(memory)
        return [
            f"results/runs on another file system: {failure}"
            for failure in kill_everywhere([place, memory], chosen(steps(place), only), count, most)
        ]
    finally:
        shutil.rmtree(memory)


def may_mount() -> bool:
    """Tell whether this machine lets us mount."""
    with tempfile.TemporaryDirectory() as folder:
        tried = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], capture_output=True, check=False
        )
        if tried.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        return tried.returncode == 0


def has_other_file_system(place: Path) -> bool:
    """Tell whether memory is one that can be written."""
    return MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and MEMORY.stat().st_dev != place.stat().st_dev


def _before_and_after(place: Path, step: Step) -> tuple[Files, Files]:
    before = prepare(place, step)
    clean = attempt(step.job, place, [])
    if clean.status:
        raise RuntimeError(f"{step.name} ended with status {clean.status} undisturbed: {clean.output[-2000:]}")
    return before, files(place)


def _refused(step: Step, failed: Ended, why: str, place: Path, after: Files) -> list[str]:
    """Check how a job ended that could not go on, and that it goes on now."""
    failures = []
    said = [line for line in failed.output.splitlines() if line.startswith("exaggerated-replay: ")]
    if failed.status not in (0, 2) or "Traceback" in failed.output or (failed.status and len(said) != 1):
        failures.append(f"{step.name}, {why}: ended with {failed.status}, saying {failed.output.strip()[-300:]!r}")
    if failure := goes_on([place], step, after):
        failures.append(f"{step.name}, {why}: {failure}")
    return failures


def _finish(place: Path, step: Step, before: Files) -> None:
    put_back(place, before)
    attempt(step.job, place, [])


def _size(found: Files) -> int:
    return sum(-(-len(content) // PAGE) * PAGE for content in found.values())


def _used(place: Path) -> int:
    status = os.statvfs(place)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


@contextmanager
def _file_system(place: Path) -> Iterator[Callable[[int | None], None]]:
    """Mount a file system in memory; what is yielded sets its size in bytes."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m", "none", str(place)], check=True)

    def grow(size: int | None) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size or 256 * 2**20}", str(place)], check=True)

    try:
        yield grow
    finally:
        subprocess.run(["umount", str(place)], check=True)


@contextmanager
def _unwritable(place: Path) -> Iterator[None]:
    """Let nobody write below a folder: for root, whom permissions do not stop, by the file system."""
    if os.geteuid():
        writable = [path for path in [place, *place.rglob("*")] if path.stat().st_mode & 0o200]
        for path in reversed(writable):
            path.chmod(path.stat().st_mode & ~0o222)
        try:
            yield
        finally:
            for path in writable:
                path.chmod(path.stat().st_mode | 0o200)
        return
    subprocess.run(["mount", "--bind", str(place), str(place)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)
