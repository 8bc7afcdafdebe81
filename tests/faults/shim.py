"""Jobs that die at a chosen system call: each is a fork of this process, which has imported everything already.

So a start costs milliseconds, and every call can have its turn. See shim.c for what is counted.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
KINDS = ("open", "write", "fsync", "rename", "remove", "folder", "mode", "length")
SECONDS = 300  # after which a job counts as hung


@dataclass
class Ended:
    """How a job ended."""

    status: int  # of the process; negative: the signal that ended it
    output: str
    calls: dict[str, int] = field(default_factory=dict)  # of a job that came to its end

    @property
    def killed(self) -> bool:
        return self.status == -signal.SIGKILL

    @property
    def total(self) -> int:
        return sum(self.calls.values())


def compiler() -> str | None:
    """Return what makes the shim of its source; without it, there is no campaign."""
    return shutil.which("cc") or shutil.which("gcc")


def start_again_with_shim(module: str) -> None:
    """Replace this process by the same one with the shim loaded, unless it is."""
    if "FAULTS_SHIM" in os.environ:
        return
    library = Path(tempfile.mkdtemp(prefix="faults-shim-"), "shim.so")
    subprocess.run([str(compiler()), "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"], check=True)
    os.environ |= {"LD_PRELOAD": str(library), "FAULTS_SHIM": str(library), "CUDA_VISIBLE_DEVICES": ""}
    os.execv(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]])  # noqa: S606


def attempt(
    job: Callable[[], int | None],
    folder: Path,
    watched: Sequence[Path],
    at: int = 0,
    limit: Callable[[], None] = lambda: None,
) -> Ended:
    """Run a job in a folder, in a process of its own.

    Args:
        job: Returns its exit status.
        folder: Where it runs.
        watched: Folders in which its calls count.
        at: The call at which it is killed; 0 for none.
        limit: Called first, in the process of the job.
    """
    shim = ctypes.CDLL(os.environ["FAULTS_SHIM"])
    told, tell = os.pipe()  # no file: its size may be limited, too
    counted, count = os.pipe()
    child = os.fork()
    if not child:
        status = 99
        try:
            os.setsid()
            os.dup2(tell, 1)
            os.dup2(tell, 2)
            signal.alarm(SECONDS)
            os.chdir(folder)
            limit()
            shim.faults_arm("".join(f"{path}/\n" for path in watched).encode(), ctypes.c_long(at))
            status = job() or 0
            os.write(count, b" ".join(b"%d" % shim.faults_seen(kind) for kind in range(len(KINDS))))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    os.close(tell)
    os.close(count)
    with os.fdopen(told, "rb") as output, os.fdopen(counted, "rb") as counts:
        said, numbers = output.read().decode(errors="replace"), [int(word) for word in counts.read().split()]
    _, raw = os.waitpid(child, 0)
    calls = dict(zip(KINDS, numbers, strict=True)) if numbers else {}
    return Ended(os.waitstatus_to_exitcode(raw), said, calls)
