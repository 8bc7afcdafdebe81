"""Every job of the small study, killed at every call with which it changes a file, and given once more."""

import time
from collections import Counter
from pathlib import Path

from tests.faults.shim import attempt
from tests.faults.study import Files, Step, difference, files, put_back


def kill_everywhere(places: list[Path], steps: list[Step], count: Counter[str], most: int | None) -> list[str]:
    """Kill each job at each of its calls and require that the same command then makes what it should.

    Args:
        places: The folder of the study first, then others in which calls count.
        steps: The jobs, in their order.
        count: Is added to: kills, and calls by kind.
        most: Kills for each job, spread evenly over its calls; None for all of them.

    Returns:
        A sentence for each failure.
    """
    place, failures = places[0], []
    for step in steps:
        before = prepare(place, step)
        clean = attempt(step.job, place, places)
        if clean.status:
            return [*failures, f"{step.name}: ended with status {clean.status} undisturbed: {clean.output[-2000:]}"]
        after = files(place)
        if step.skipped:
            continue
        put_back(place, before)
        clean = attempt(step.job, place, places)  # once more: pictures are drawn now, and calls are those of every try
        count.update(clean.calls)
        total = clean.total
        points = range(1, total + 1) if most is None else spread(total, most)
        started, wrong_before = time.monotonic(), len(failures)
        for point in points:
            put_back(place, before)
            if not attempt(step.job, place, places, at=point).killed:
                failures.append(f"{step.name}: call {point} of {total} was not reached")
                continue
            count["kills"] += 1
            if failure := goes_on(places, step, after):
                failures.append(f"{step.name}, killed at call {point} of {total}: {failure}")
        put_back(place, before)
        attempt(step.job, place, places)
        wrong, seconds = len(failures) - wrong_before, time.monotonic() - started
        print(f"  {step.name}: {len(points)} of {total} calls, {wrong} wrong, {seconds:.0f} s", flush=True)
    return failures


def prepare(place: Path, step: Step) -> Files:
    """Do what happens before a step, and return the files as they are then."""
    attempt(lambda: step.spoil(), place, [])
    return files(place)


def goes_on(places: list[Path], step: Step, after: Files) -> str:
    """Give a command once more and return what is wrong then; an empty text where all is well."""
    again = attempt(step.job, places[0], places)
    if again.status:
        return f"the same command ended with status {again.status}: {again.output.strip()[-400:]}"
    return difference(files(places[0]), after)


def spread(total: int, most: int) -> list[int]:
    """Return so many of the numbers 1 ... total, evenly spread."""
    return sorted({1 + (2 * k + 1) * total // (2 * most) for k in range(most)} & {*range(1, total + 1)})
