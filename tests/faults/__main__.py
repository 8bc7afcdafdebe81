"""`python -m tests.faults`: the campaign against interruptions, and one line of counts at its end.

Its long form is `make faults`; `--short` is what `make journeys` runs.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.faults import shim


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few kills of a few jobs")
    parser.add_argument("--calls", type=int, help="kills for each job, spread over its calls; else at each")
    parser.add_argument("--jobs", default="", help="names of the jobs to kill, with commas between; without it, all")
    parser.add_argument("--space", type=int, default=4, help="how many ways to be short of room, for each job")
    parser.add_argument("--random", type=int, default=100, help="random kills of the whole workflow")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the random kills")
    parser.add_argument("--minutes", type=float, default=60.0, help="after which no other random kill is begun")
    given = parser.parse_args()
    if given.short:
        given.calls, given.space, given.random = 2, 0, 0
        given.jobs = given.jobs or "compose,begin,fetch,split,export,import,prune"
    if shim.compiler() is None:
        print("tests.faults: there is no C compiler (cc) to make the shim with, so nothing was tried")
        return 3
    shim.start_again_with_shim("tests.faults")

    from tests.faults import at_random, space, study
    from tests.faults.every_call import kill_everywhere

    started, count, failures = time.monotonic(), Counter(), []
    only = tuple(filter(None, given.jobs.split(",")))
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        study.draw_once(Path(folder, "drawn"))  # before anything holds the function that draws
        study.import_everything()

        def place(name: str) -> Path:
            Path(folder, name).mkdir()
            return Path(folder, name)

        def laid_out(name: str) -> tuple[Path, list[study.Step]]:
            here = place(name)
            study.lay_out(here)
            return here, study.chosen(study.steps(here), only)

        if given.calls != 0:
            print("killed at each call:", flush=True)
            here, jobs = laid_out("calls")
            failures += kill_everywhere([here], jobs, count, given.calls)
        if given.space:
            print("short of room:", flush=True)
            failures += space.with_short_files(*laid_out("limits"), count, given.space)
            failures += space.read_only(*laid_out("read-only"), count)
            if space.may_mount():
                full = place("full")
                _, jobs = laid_out("archives")
                failures += space.without_room(full, jobs, count, given.space)
            if space.has_other_file_system(Path(folder)):
                moving = ("train", "prune")
                failures += space.on_another_file_system(place("other"), count, given.calls or 20, moving)
        if given.random:
            print("killed at random:", flush=True)
            failures += at_random.kill_at_random(place("random"), count, given.random, 60 * given.minutes, given.seed)

    for failure in failures:
        print(f"FAILED {failure}")
    told = ", ".join(f"{number} {what}" for what, number in count.items())
    print(f"{len(failures)} failures; {told}; {time.monotonic() - started:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
