"""The miniature CIFAR-100 run, the project's way and the straightforward way: the same work, in turns, on all cores."""

import dataclasses
import time
from contextlib import ExitStack
from statistics import fmean
from typing import Any

from bench.ceilings import cores
from bench.counting import gated_off, products, sizes_by_task
from bench.teams import Team, Trial, describe, in_turns, middle, spread, step_seconds
from bench.workloads import Images, settings_of, store_features
from exaggerated_replay.settings.run import RunSettings


def trials(settings: RunSettings, images: Images) -> dict[str, tuple[Trial, int]]:
    """Return what is compared: name -> what one process trains, and how many processes do.

    The workflow trains as many runs at once as there are cores, one thread each. The straightforward implementation
    is given both ways of using the cores, and is measured by the better one.
    """
    everything = cores()
    return {
        "ours": (Trial("ours", settings, images, threads=1), everything),
        "straightforward, one run on all cores": (Trial("straightforward", settings, images, everything), 1),
        "straightforward, a run on each core": (Trial("straightforward", settings, images, threads=1), everything),
    }


def speedup(throughput: dict[str, float]) -> float:
    """Return by how much ours exceeds the faster of the others."""
    return throughput["ours"] / max(value for name, value in throughput.items() if name != "ours")


def compare(settings: RunSettings, images: Images, short: int, long: int, rounds: int) -> dict[str, Any]:
    """Measure the throughput of training, without what is done once per run, task or data set.

    Args:
        settings: Of the run.
        images: With features computed.
        short: Iterations per task of the shorter of two runs, whose difference is taken.
        long: Iterations of the longer one.
        rounds: How often each is measured, in turns.

    Returns:
        Steps per second of the whole machine for each way to train, how far the rounds lie apart, and the speed-up.
    """
    with ExitStack() as stack:
        teams = {
            name: stack.enter_context(Team(trial, processes))
            for name, (trial, processes) in trials(settings, images).items()
        }
        for team in teams.values():
            team.seconds(1)  # warm-up
        found = in_turns(
            {
                name: lambda team=team: step_seconds(team.seconds, short, long, settings.tasks)
                for name, team in teams.items()
            },
            rounds,
        )
        throughput = {name: len(teams[name].members) / seconds for name, seconds in middle(found).items()}
        return {
            "speedup": speedup(throughput),
            "implementations": {
                name: {**describe(team), "steps_per_second": throughput[name], "spread": spread(found[name])}
                for name, team in teams.items()
            },
        }


def limits(
    settings: RunSettings, inputs: int, classes: int, gflops: float, throughput: dict[str, float]
) -> dict[str, float]:
    """Return what speed-up would be left if everything but matrix products took no time.

    Args:
        settings: Of the run.
        inputs: Of a sample.
        classes: Of the problem.
        gflops: Measured ceiling of a matrix product on all cores.
        throughput: Steps per second of all implementations.

    Returns:
        Operations of a step's products in GFLOP (mean over tasks), those of them that gates make superfluous, and the
        speed-up at the ceiling with all products and without the superfluous ones.
    """
    steps = sizes_by_task(settings, inputs, classes)
    gflop = fmean(sum(products(step).values()) for step in steps) / 1e9
    off = fmean(gated_off(step, settings.method.gate_proportion) for step in steps) / 1e9
    return {
        "product_gflop": gflop,
        "gated_off_gflop": off,
        "speedup_at_ceiling": speedup({**throughput, "ours": gflops / gflop}),
        "speedup_at_ceiling_without_gated_off": speedup({**throughput, "ours": gflops / (gflop - off)}),
    }


def measure(
    images: Images, arms: tuple[str, ...], short: int, long: int, rounds: int, gflops: float, small: bool
) -> dict[str, Any]:
    """Measure the miniature for each arm, and the seconds of computing the features once per data set.

    Args:
        images: Stored images.
        arms: Which.
        short: See `compare`.
        long: See `compare`.
        rounds: See `compare`.
        gflops: See `limits`.
        small: Shrink the network, for a check of the benchmark itself.
    """
    started = time.perf_counter()
    store_features(images, cores())
    found: dict[str, Any] = {"features_seconds": time.perf_counter() - started, "arms": {}}
    for arm in arms:
        settings = settings_of("miniature", arm)
        if small:
            settings = shrunk(settings, len(images.raw("y_train")))
        measured = compare(settings, images, short, long, rounds)
        throughput = {name: way["steps_per_second"] for name, way in measured["implementations"].items()}
        prepared = images.prepared()
        found["arms"][arm] = measured | limits(settings, prepared.inputs, prepared.classes, gflops, throughput)
    return found


def shrunk(settings: RunSettings, samples: int) -> RunSettings:
    """Return settings of two tasks and a tiny network, with batches that fit the samples."""
    batch = max(2, min(settings.training.batch, samples // 4))
    return dataclasses.replace(
        settings,
        tasks=2,
        model=dataclasses.replace(settings.model, units=16, latent=4),
        training=dataclasses.replace(settings.training, batch=batch, replay_batch=batch),
    )
