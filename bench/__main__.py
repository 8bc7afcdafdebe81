"""`python -m bench`: measure everything; write bench/results.json, and the table in docs/explanation/performance.md."""

import argparse
import os
import re
import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from tabulate import tabulate

from bench import growth, workflow
from bench.machine import PRECISIONS, cores, describe, product_gflops
from bench.parts import parts_of_a_step
from bench.setups import ARMS, changed, enough, equal_tasks, settings_of, shrunk, store
from bench.steps import ceiling_share, gflop_by_task
from bench.trials import Trial, in_turns, side_by_side, summary, throughput
from exaggerated_replay.devices import multiplies_bf16
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_json, write_text

RESULTS = Path("bench/results.json")
PAGE = Path("docs/explanation/performance.md")
TABLE = re.compile(r"(<!-- measured: .*? -->\n).*?(<!-- end -->)", re.DOTALL)


def run_all(quick: bool) -> dict[str, Any]:
    """Measure everything and return the results.

    Args:
        quick: Sizes so small that all takes seconds, for a check of the benchmark itself.
    """
    cpu = torch.device("cpu")
    rounds, short, long, least = (1, 1, 2, 0.01) if quick else (3, 1, 6, 0.5)
    made = shrunk if quick else lambda settings: settings
    arms = ARMS[-1:] if quick else ARMS
    paper, small = ({arm: made(settings_of(study, arm)) for arm in arms} for study in ("paper", "miniature"))
    results: dict[str, Any] = {"quick": quick, "machine": describe(cpu)}

    say("matrix products")
    precisions = ("fp32", "bf16") if multiplies_bf16(torch.cpu.get_capabilities()) else ("fp32",)
    results["product_gflops"] = {
        f"{precision}, {n} thread{'s' * (n > 1)}": product_gflops(cpu, least, threads=n, precision=precision)
        for precision in precisions
        for n in sorted({1, cores()})
    }

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        store(folder, len(paper[arms[0]].class_order), 12 if quick else 500)
        say("the miniature, ours and straightforward in turns")
        results["miniature"] = {
            arm: miniature(settings, folder, short, long, rounds) for arm, settings in small.items()
        }
        say("steps at paper scale")
        results["paper_step"] = {
            f"{arm}, {precision}": ceiling_share(
                changed(one, iterations=5, threads=cores(), precision=precision),
                enough(one),
                cpu,
                partial(product_gflops, cpu, least, threads=cores(), precision=precision),
            )
            for arm, one in paper.items()
            for precision in precisions
        }
        say("what a step's time goes to")
        results["parts"] = {
            f"{arm}, {precision}": parts_of_a_step(
                changed(
                    one,
                    tasks=equal_tasks(len(one.class_order), 2),
                    iterations=5,
                    threads=cores(),
                    precision=precision,
                ),
                enough(one),
            )
            for arm, one in paper.items()
            for precision in precisions
        }
        say("memory of a job")
        results["memory"] = {
            f"{size}, {arm}": vars(side_by_side(Trial("ours", one, folder), 1, 1, 2)[0])
            for size, arms in (("miniature", small), ("paper", paper))
            for arm, one in arms.items()
        }
        if torch.cuda.is_available():
            say("the paper's run on the GPU")
            results["gpu"] = on_gpu(paper, folder, least, *((2, 6) if quick else (100, 300)))

    say("the default workflow in a throw-away clone")
    results["workflow"] = workflow.measure(Path.cwd(), workflow.TINY, [2]) if quick else workflow.measure(Path.cwd())
    say("growth")
    axes = {axis: values[:1] for axis, values in growth.AXES.items()} if quick else growth.AXES
    results["growth"] = growth.measure(small[arms[0]], axes)
    results["machine"]["load_after"] = round(os.getloadavg()[0], 2)
    return results


def miniature(settings: Any, folder: Path, short: int, long: int, rounds: int) -> dict[str, Any]:
    """Compare ours with the straightforward implementation, the same work on all cores.

    The workflow trains as many runs at once as there are cores, one thread each. The straightforward implementation is
    given both ways of using the cores, and is measured by the better one.
    """
    ways = {
        "ours": ("ours", 1, cores()),
        "straightforward, one run on all cores": ("straightforward", cores(), 1),
        "straightforward, a run on each core": ("straightforward", 1, cores()),
    }
    found = in_turns(
        {
            name: lambda kind=kind, threads=threads, processes=processes: throughput(
                side_by_side(Trial(kind, changed(settings, threads=threads), folder), processes, short, long)
            )
            for name, (kind, threads, processes) in ways.items()
        },
        rounds,
    )
    ways_found = {name: summary(values) for name, values in found.items()}
    return {"speedup": speedup({name: way["steps_per_second"] for name, way in ways_found.items()}), "ways": ways_found}


def speedup(rates: dict[str, float]) -> float:
    """Return by how much ours exceeds the faster of the others."""
    return rates["ours"] / max(rate for name, rate in rates.items() if name != "ours")


def on_gpu(paper: dict[str, Any], folder: Path, least: float, short: int, long: int) -> dict[str, Any]:
    """Measure the paper's runs: in each precision, captured and not, alone and side by side."""
    device = torch.device("cuda")
    found: dict[str, Any] = {"machine": describe(device), "runs": {}}
    found["product_gflops"] = {name: product_gflops(device, least, precision=name) for name in PRECISIONS}
    for arm, settings in paper.items():
        gflop = fmean(gflop_by_task(settings, enough(settings)))
        for precision, ceiling in found["product_gflops"].items():
            for captured, processes in ((False, 1), (True, 1), (True, 2), (True, 4), (True, 8)):
                trial = Trial("ours", changed(settings, precision=precision), folder, "cuda", captured)
                measured = side_by_side(trial, processes, short, long)
                rate = throughput(measured)
                name = f"{arm}, {precision}, {'graph' if captured else 'eager'}, {processes} at once"
                found["runs"][name] = {
                    "steps_per_second": rate,
                    "seconds_per_run": len(settings.tasks) * settings.training.iterations / rate,
                    "ceiling_share": gflop * rate / ceiling,
                    "device_gb": max(one.device_gb for one in measured),
                }
    return found


def table(results: dict[str, Any]) -> str:
    """Return the measurements as a table in Markdown."""
    about = results["machine"]
    rows: list[tuple[str, str]] = [
        ("machine", f"{about['hardware']}, {about['cores']} cores; Python {about['python']}, torch {about['torch']}"),
        ("load average before and after", f"{about['load_before']}, {about['load_after']}"),
        *((f"matrix product, {name}", f"{rate:.1f} GFLOP/s") for name, rate in results["product_gflops"].items()),
    ]
    for arm, found in results["miniature"].items():
        for name, way in found["ways"].items():
            rate = f"{way['steps_per_second']:.2f} steps/s (rounds within {100 * way['spread']:.0f} %)"
            rows.append((f"miniature, {arm}, {name}", rate))
        rows.append((f"**miniature, {arm}, speed-up**", f"**{found['speedup']:.2f}**"))
    for arm, tasks in results["paper_step"].items():
        for task, step in tasks.items():
            share = f"**{100 * step['ceiling_share']:.0f} % of the {step['product_gflops']:.0f} GFLOP/s between steps**"
            cost = f"{1000 * step['step_seconds']:.0f} ms for {step['gflop']:.1f} GFLOP of products: {share}"
            rows.append((f"paper-scale step, {arm}, {task}", cost))
    for name, shares in results["parts"].items():
        told = ", ".join(f"{part} {100 * share:.0f} %" for part, share in shares.items())
        rows.append((f"time of a paper-scale step, {name}", told))
    for name, job in results["memory"].items():
        rows.append((f"memory of a job, {name}", f"{job['own_gb']:.2f} GB; with mapped files {job['peak_gb']:.2f} GB"))
    rows += [(command, f"{seconds:.1f} s") for command, seconds in results["workflow"].items()]
    for name, rate in results.get("gpu", {}).get("product_gflops", {}).items():
        rows.append((f"GPU, matrix product, {name}", f"{rate:.0f} GFLOP/s"))
    for name, run in results.get("gpu", {}).get("runs", {}).items():
        speed = f"{run['steps_per_second']:.0f} steps/s, {100 * run['ceiling_share']:.0f} % of the matrix product"
        rows.append((f"GPU, {name}", f"{speed}, {run['seconds_per_run']:.0f} s per run, {run['device_gb']:.2f} GB"))
    return tabulate(rows, headers=["what", "measured"], tablefmt="github", disable_numparse=True)


def into_page(page: str, text: str) -> str:
    """Return the page with the text in the place of its last measurements."""
    return TABLE.sub(lambda found: f"{found[1]}{text}\n{found[2]}", page)


def say(what: str) -> None:
    """Tell what is being measured."""
    print(f"bench: {what}", file=sys.stderr, flush=True)


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: checks the benchmark, measures nothing")
    parser.add_argument("--out", type=Path, help=f"default: {RESULTS}, and the table in {PAGE}; with --quick nowhere")
    args = parser.parse_args()
    try:
        results = run_all(args.quick)
    except UserError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print(table(results))
    if args.out or not args.quick:
        write_json(args.out or RESULTS, results)
    if not args.out and not args.quick:
        write_text(PAGE, into_page(PAGE.read_text(encoding="utf-8"), table(results)))
        growth.draw(results["growth"], growth.PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
