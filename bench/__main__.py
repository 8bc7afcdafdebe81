"""`python -m bench`: measure everything, print the table, write bench/results.json and docs/performance.md.

Training is measured on noise of CIFAR-100's shape, because what an image shows changes nothing in what a step costs;
`--data FILE` names an npz file with real ones.
"""

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from tabulate import tabulate

from bench import gpu, growth, memory, miniature, steps, workflow
from bench.ceilings import ceilings, cores, machine
from bench.teams import Trial
from bench.workloads import ARMS, CIFAR100, noise_inputs, settings_of, store_images
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_json, write_text

RESULTS = Path("bench/results.json")
PAGE = Path("docs/performance.md")
TABLE = re.compile(r"(<!-- measured: .*? -->\n).*?(<!-- end -->)", re.DOTALL)
INPUTS, IMAGE_VALUES, CLASSES = 1024, 3 * 32 * 32, 100


def run_all(data: Path | None, quick: bool) -> dict[str, Any]:
    """Measure everything and return the results.

    Args:
        data: An npz file with images of CIFAR's shape; None for noise.
        quick: Sizes so small that all takes seconds, for a check of the benchmark itself.
    """
    cpu, everything = torch.device("cpu"), cores()
    rounds, short, long, least = (1, 1, 2, 0.01) if quick else (3, 1, 6, 0.5)
    paper = {arm: settings_of("paper", arm) for arm in ARMS}
    measured_sizes = miniature.shrunk(paper[ARMS[0]], 40) if quick else paper[ARMS[0]]

    results: dict[str, Any] = {"quick": quick, "machine": machine(cpu)}
    say("ceilings of the machine")
    results["ceilings"] = ceilings(measured_sizes, INPUTS, cpu, least)
    ceiling = list(results["ceilings"].values())[-1]  # on all cores

    with tempfile.TemporaryDirectory() as folder:
        sizes = {"classes": 4, "train": 12, "test": 2} if quick else CIFAR100
        images = store_images(data, Path(folder), **sizes)
        say("the miniature, ours and straightforward in turns")
        results["miniature"] = miniature.measure(
            images, ARMS, short, long, rounds, ceiling["product_gflops"], small=quick
        )

        say("steps at paper scale")
        results["paper_step"] = {}
        for arm, settings in paper.items():
            settings = miniature.shrunk(settings, 40) if quick else settings
            each = -(-settings.training.batch * settings.tasks // CLASSES)
            prepared = noise_inputs(INPUTS, IMAGE_VALUES, CLASSES, each)
            results["paper_step"][arm] = steps.ceiling_share(
                settings, prepared, cpu, 3 if quick else 5, everything, ceiling["product_gflops"],
                ceiling["copy_gb_per_s"],
            )  # fmt: skip

        say("memory of a job")
        trials = {}
        for workload, threads in (("miniature", 1), ("paper", everything)):
            for arm in ARMS:
                settings = settings_of(workload, arm)
                settings = miniature.shrunk(settings, 40) if quick else settings
                trials[f"{workload}, {arm}"] = Trial("ours", settings, images, threads)
        results["memory"] = memory.measure(trials, 2)

        if gpu.available():
            say("the paper's run on the GPU")
            results["gpu"] = on_gpu(images, paper, least, quick)

    say("the default workflow in a throw-away clone")
    results["workflow"] = workflow.measure(Path.cwd(), quick)
    say("growth")
    results["growth"] = growth.measure(
        growth.cases(settings_of("miniature", ARMS[0]), small=quick), 1, 2 if quick else 4
    )
    results["machine"]["load_after"] = round(os.getloadavg()[0], 2)
    return {**keys(results), **results}


def on_gpu(images: Any, paper: dict[str, Any], least: float, quick: bool) -> dict[str, Any]:
    """Measure ceilings and whole runs on the GPU, for every arm."""
    device = torch.device("cuda")
    found: dict[str, Any] = {"machine": machine(device)}
    found["ceilings"] = ceilings(paper[ARMS[0]], INPUTS, device, least)
    rates = {precision: found["ceilings"][precision]["product_gflops"] for precision in ("fp32", "tf32")}
    short, long = (2, 4) if quick else (100, 300)
    for arm, settings in paper.items():
        found[arm] = gpu.measure(settings, images, "cuda", rates, short, long)
    found["memory"] = memory.measure(
        {arm: Trial("ours", settings, images, settings.threads, "cuda") for arm, settings in paper.items()}, short
    )
    return found


def keys(results: dict[str, Any]) -> dict[str, float]:
    """Return the few numbers that say whether the aims are met."""
    first, last = (list(results["paper_step"][ARMS[0]].values())[k] for k in (0, -1))
    return {
        "miniature_speedup": results["miniature"]["arms"][ARMS[0]]["speedup"],
        "miniature_speedup_rr_ra": results["miniature"]["arms"][ARMS[1]]["speedup"],
        "paper_step_ceiling_share": first["ceiling_share"],
        "paper_last_step_ceiling_share": last["ceiling_share"],
        "default_workflow_seconds": results["workflow"]["seconds"],
        "startup_share": results["workflow"]["startup_share"],
    }


def table(results: dict[str, Any]) -> str:
    """Return the measurements as a table in Markdown."""
    about = results["machine"]
    rows: list[tuple[str, str]] = [
        ("machine", f"{about['hardware']}, {about['cores']} cores, {about['cpu_capability']}"),
        ("versions", f"Python {about['python']}, torch {about['torch']}"),
        ("load average before and after", f"{about['load_before']}, {about['load_after']}"),
    ]
    for name, found in results["ceilings"].items():
        layers = [rate for forms in found["layers_gflops"].values() for rate in forms.values()]
        rows += [
            (f"matrix product, {name}", f"{found['product_gflops']:.1f} GFLOP/s"),
            (f"products of the paper's layers, {name}", f"{min(layers):.1f} to {max(layers):.1f} GFLOP/s"),
            (f"copy, {name}", f"{found['copy_gb_per_s']:.1f} GB/s"),
        ]
    rows.append(("features of all images, once per data set", f"{results['miniature']['features_seconds']:.1f} s"))
    for arm, found in results["miniature"]["arms"].items():
        for name, way in found["implementations"].items():
            rate = f"{way['steps_per_second']:.2f} steps/s (rounds within {100 * way['spread']:.0f} %)"
            rows.append((f"miniature, {arm}, {name}", rate))
        rows += [
            (f"**miniature, {arm}, speed-up**", f"**{found['speedup']:.2f}**"),
            (
                f"speed-up if only the products took time, {arm}",
                f"{found['speedup_at_ceiling']:.2f} ({found['product_gflop']:.2f} GFLOP per step)",
            ),
            (
                f"and if gated-off units were skipped, {arm}",
                f"{found['speedup_at_ceiling_without_gated_off']:.2f} ({found['gated_off_gflop']:.2f} GFLOP less)",
            ),
        ]
    for arm, tasks in results["paper_step"].items():
        for task, step in tasks.items():
            rows += [
                (f"paper-scale step, {arm}, {task}", f"{1000 * step['step_seconds']:.0f} ms"),
                (
                    f"its matrix products, {arm}, {task}",
                    f"{step['product_gflop']:.1f} GFLOP, at the ceiling {1000 * step['product_floor_seconds']:.0f} ms",
                ),
                (
                    f"its bytes, {arm}, {task}",
                    f"{step['fewest_gb']:.2f} GB, at the ceiling {1000 * step['memory_floor_seconds']:.0f} ms",
                ),
                (f"**share of the ceiling, {arm}, {task}**", f"**{100 * step['ceiling_share']:.0f} %**"),
            ]
    rows += [
        (f"host memory of a job, {name}", f"{job['own']:.2f} GB of its own; {job['peak']:.2f} GB with mapped files")
        for name, job in results["memory"].items()
    ]
    flow = results["workflow"]
    divided = ", ".join(f"{name.replace('_', ' ')} {100 * share:.0f} %" for name, share in flow["shares"].items())
    rows += [
        ("**default workflow**", f"**{flow['seconds']:.0f} s**, {flow['report_seconds']:.0f} of them the report"),
        (f"cores' time in its {sum(flow['jobs'].values())} jobs", divided),
        ("**start-up share**", f"**{100 * flow['startup_share']:.0f} %**"),
    ]
    for arm, ways in results.get("gpu", {}).items():
        if arm in ARMS:
            rows += [
                (
                    f"GPU, {arm}, {way}",
                    f"{run['milliseconds_per_step']:.2f} ms per step, {run['steps_per_second']:.0f} steps/s, "
                    f"{100 * run['ceiling_share']:.0f} % of the ceiling, {run['seconds_per_run']:.0f} s per run",
                )
                for way, run in ways.items()
            ]
    for arm, job in results.get("gpu", {}).get("memory", {}).items():
        rows.append(
            (f"memory on the GPU, {arm}", f"{job['device']:.2f} GB; on the host {job['own']:.2f} GB of its own")
        )
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
    parser.add_argument("--data", type=Path, help="npz file with images of CIFAR's shape (default: noise)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: checks the benchmark, measures nothing")
    parser.add_argument("--out", type=Path, help=f"default: {RESULTS}, and the table in {PAGE}; with --quick nowhere")
    args = parser.parse_args()
    try:
        results = run_all(args.data, args.quick)
    except UserError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print(table(results))
    if args.out or not args.quick:
        write_json(args.out or RESULTS, results)
    if not args.out and not args.quick:
        write_text(PAGE, into_page(PAGE.read_text(encoding="utf-8"), table(results)))
        growth.draw(results["growth"], growth.PICTURES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
