import hashlib
import itertools
import json
from functools import cache
from importlib import import_module
from typing import get_args

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from exaggerated_replay.analysis.runs import Study
from exaggerated_replay.errors import UserError
from exaggerated_replay.figures import (
    accuracy_matrix,
    architecture,
    comparison,
    competing_classes,
    convergence,
    dose,
    forgetting,
    frontier,
    scale,
    specification,
    style,
)
from exaggerated_replay.figures.catalogue import FROM_MORE, figures_of
from exaggerated_replay.methods.exaggeration import illustration
from exaggerated_replay.report.pictures import caption
from exaggerated_replay.settings.study import GridFigure
from exaggerated_replay.store.records import sealed

SIZES = {
    "inputs": 1024,
    "units": 2000,
    "latent": 100,
    "classes": 90,
    "gate_proportion": 0.6,
    "bounded": False,
}
ITERATIONS = (50, 100, 200)


def study(seeds=4):
    """Return a plan and runs of two arms over iterations, and of RR+RA at two f; accuracies are noise."""
    noise = np.random.default_rng(0)
    cells, rows = {}, []
    wanted = [(arm, length, 20) for length in ITERATIONS for arm in ("bir-si", "rr-ra")] + [("rr-ra", 200, 5)]
    for arm, length, f in wanted:
        cell = arm + (f"-iterations{length}" if length < 200 else "") + ("-f5" if f == 5 else "")
        digests = [f"{cell}-{seed}" for seed in range(seeds)]
        method = {"f": f, "lambda_rr": 1e-6, "lambda_ra": 1e-6} if arm == "rr-ra" else {}
        cells[cell] = {
            "arm": arm,
            "config": {"training": {"iterations": length}, "method": method},
            "runs": [{"seed": seed, "digest": digest} for seed, digest in enumerate(digests)],
        }
        for seed, digest in enumerate(digests):
            scores = dict(zip(("first20", "first50", "overall"), noise.uniform(20, 60, 3), strict=True))
            rows.append(
                {
                    "digest": digest,
                    "cell": cell,
                    "arm": arm,
                    "seed": seed,
                    "device": "cpu",
                    "dropped": 0.0,
                    "status": "finished",
                }
                | scores
            )
    grids = {
        "table1": ["bir-si", "rr-ra-f5", "rr-ra"],
        "convergence": [cell for cell in cells if cell != "rr-ra-f5"],
        "alone": ["bir-si"],
    }
    plan = {
        "dataset": {"name": "digits", "tasks": 5},
        "study": {"baseline": "bir-si", "treatment": "rr-ra"},
        "cells": cells,
        "grids": {
            grid: [
                {
                    "cell": cell,
                    "settings": _varied(grid, cells[cell]["config"]),
                    "baseline": cell.replace("rr-ra", "bir-si").removesuffix("-f5") if "rr" in cell else None,
                }
                for cell in members
            ]
            for grid, members in grids.items()
        },
    }
    return plan, pd.DataFrame(rows)


def _varied(grid, config):
    """What the grid set to make a cell."""
    if grid == "convergence":
        return {"training.iterations": config["training"]["iterations"]}
    return {"method.f": config["method"]["f"]} if config["method"] and grid == "table1" else {}


def record():
    """Return a record of 2 tasks of 2 classes; all numbers by hand."""
    return {
        "settings": {"tasks": [[0, 1], [2, 3]]},
        "counts": {"correct": [[9, 7, 0, 0], [3, 2, 12, 18]], "tested": [10, 10, 20, 20]},
    }


def example(f=20, images=True, classes=8):
    """Return an example of competing classes by hand."""
    probabilities = np.array([0.002, 0.1, 0.6, 0.2, 0.05, 0.03, 0.01, 0.008] + [0.0001] * (classes - 8))
    picture = np.linspace(0, 1, 64).reshape(8, 8).tolist()
    return {
        "probabilities": probabilities.tolist(),
        "label": 2,
        "f": f,
        "rivals": [1, 3, 4] if f == 20 else [3],
        "image": picture if images else None,
        "class_means": dict.fromkeys("1234", picture) if images else None,
    }


COLOURS = {"bir-si": style.BASELINE, "rr-ra": style.TREATMENT}


def sweep(cells, seeds=4, effect=lambda cell: 0.0):
    """Return a plan with one grid, `g`, and its runs: baselines are 20 + seed on every metric, others that + effect.

    Args:
        cells: Cell -> (arm, config, what the grid set, baseline).
    """
    described, rows, grid = {}, [], []
    for cell, (arm, config, settings, baseline) in cells.items():
        digests = [f"{cell}-{seed}" for seed in range(seeds)]
        described[cell] = {"arm": arm, "config": config, "runs": [{"digest": digest} for digest in digests]}
        grid.append({"cell": cell, "settings": settings, "baseline": baseline})
        for seed, digest in enumerate(digests):
            score = 20 + seed + (effect(cell) + 0.1 * (seed % 2) if baseline else 0)
            row = {"digest": digest, "cell": cell, "arm": arm, "seed": seed, "device": "cpu", "status": "finished"}
            rows.append(row | dict.fromkeys(("first20", "first50", "overall"), score))
    dataset = {"name": "cifar100", "source_name": None, "sha256": "c" * 64}
    study = {"baseline": "bir-si", "treatment": "rr-ra"}
    return {"dataset": dataset, "study": study, "cells": described, "grids": {"g": grid}}, pd.DataFrame(rows)


def config(units=100, strength=300.0, **method):
    training = {"iterations": 200, "batch": 16, "replay_batch": 16}
    return {"model": {"units": units}, "training": training, "method": {"si": {"strength": strength}, **method}}


def doses():
    cells = {"bir-si": ("bir-si", config(), {}, None)}
    for weight in (1e-6, 1e-2, 1.0):
        for arm, rr, ra in (("rr", weight, 0.0), ("ra", 0.0, weight), ("rr-ra", weight, weight)):
            made = config(lambda_rr=rr, lambda_ra=ra, lambda_rec=1.0, reading={"reduction": "mean"})
            cells[f"{arm}{weight:g}"] = (arm, made, {"method.lambda_rr": rr, "method.lambda_ra": ra}, "bir-si")
    return sweep(cells, effect=lambda cell: 5.0 if cell == "ra1" else 0.0)


def strengths():
    cells = {}
    for c in (10.0, 1e3, 1e5):
        cells[f"bir-si{c:g}"] = ("bir-si", config(strength=c), {"method.si.strength": c}, None)
        cells[f"rr-ra{c:g}"] = ("rr-ra", config(strength=c), {"method.si.strength": c}, f"bir-si{c:g}")
    plan, runs = sweep(cells)
    at = {"10": (30, 5), "1000": (25, 20), "100000": (10, 15)}  # overall, first 20 %
    for cell in cells:
        overall, first20 = at[cell.removeprefix("bir-si").removeprefix("rr-ra")]
        gain = 3 * cell.startswith("rr-ra")
        runs.loc[runs["cell"] == cell, ["overall", "first20"]] = overall + gain / 2, first20 + gain
    return plan, runs


def readings():
    cells = {"bir-si": ("bir-si", config(), {}, None)}
    for form, total in itertools.product(("mean_inverse", "negative"), ("mean", "total")):
        reading = {"repulsion": form, "reduction": total}
        settings = {f"method.reading.{key}": value for key, value in reading.items()}
        cells[f"rr-ra-{form}-{total}"] = ("rr-ra", config(reading=reading), settings, "bir-si")
    return sweep(cells, effect=lambda cell: 4 * cell.endswith("total") - 2 * ("negative" in cell))


def sizes():
    cells = {}
    for units in (100, 200, 400):
        cells[f"bir-si{units}"] = ("bir-si", config(units), {"model.units": units}, None)
        cells[f"rr-ra{units}"] = ("rr-ra", config(units), {"model.units": units}, f"bir-si{units}")
    return sweep(cells, effect=lambda cell: 3 - np.log2(int(cell.removeprefix("rr-ra")) / 100))


FIGURES = {
    "dose": lambda: dose.draw(*doses(), "g", inputs=1024),
    "frontier": lambda: frontier.draw(*strengths(), "g"),
    "specification": lambda: specification.draw(*readings(), "g"),
    "scale": lambda: scale.draw(*sizes(), "g"),
    "forgetting": lambda: forgetting.draw({"bir-si": [record()], "rr-ra": [record(), record()]}, COLOURS),
    "accuracy_matrix": lambda: accuracy_matrix.draw({"bir-si": [record()], "rr-ra": [record(), record()]}),
    "architecture": lambda: architecture.draw(**SIZES),
    "architecture_bounded": lambda: architecture.draw(**SIZES | {"bounded": True, "inputs": 64, "classes": 10}),
    "comparison": lambda: comparison.draw(*study(), "table1"),
    "comparison_single_seed": lambda: comparison.draw(*study(seeds=1), "table1"),
    "competing_classes": lambda: competing_classes.draw(example()),
    "competing_classes_many": lambda: competing_classes.draw(example(images=False, classes=90)),
    "competing_classes_no_f": lambda: competing_classes.draw(example(f="none")),
    "convergence": lambda: convergence.draw(*study()),
}
MODULES = (
    *("accuracy_matrix", "architecture", "comparison", "competing_classes", "convergence"),
    *("dose", "forgetting", "frontier", "scale", "specification"),
)
every_figure = pytest.mark.parametrize("name", FIGURES)


def words(figure):
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def written(figure):
    return {text.get_text() for text in words(figure)}


OTHER_SETTINGS = {"font.size": 20, "savefig.dpi": 50, "svg.hashsalt": None, "figure.autolayout": True}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Draw each figure once, as it is saved; return it and its SVG file."""

    @cache
    def once(name):
        target = tmp_path_factory.mktemp(name) / "figure.svg"
        style.save(figure := FIGURES[name](), [target])
        return figure, target

    return once


@pytest.mark.parametrize("module", MODULES)
def test_a_figure_is_byte_identical_whatever_the_users_settings(module, drawn, tmp_path):
    _, before = drawn(module)
    with mpl.rc_context(OTHER_SETTINGS):
        style.save(FIGURES[module](), [tmp_path / "figure.svg"])
    assert (tmp_path / "figure.svg").read_bytes() == before.read_bytes()


def test_files_of_every_format_are_byte_identical_and_tell_no_date_and_no_version(tmp_path):
    names = ["figure.png", "figure.pdf", "figure.svg"]
    style.save(FIGURES["accuracy_matrix"](), [tmp_path / "one" / name for name in names])
    with mpl.rc_context(OTHER_SETTINGS):
        style.save(FIGURES["accuracy_matrix"](), [tmp_path / "two" / name for name in names])
    for name in names:
        content = (tmp_path / "one" / name).read_bytes()
        assert content == (tmp_path / "two" / name).read_bytes()
        assert not any(word in content for word in (b"CreationDate", b"dc:date", b"Matplotlib v", b"Software"))


def test_saving_again_changes_nothing(tmp_path):
    figure = FIGURES["comparison"]()
    style.save(figure, [tmp_path / "one.svg", tmp_path / "between.png"])
    style.save(figure, [tmp_path / "two.svg"])
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


@every_figure
def test_figures_are_legible_at_the_width_of_a_column(name, drawn):
    figure, _ = drawn(name)
    assert figure.get_figwidth() in (style.SINGLE, style.DOUBLE)
    assert min(text.get_fontsize() for text in words(figure)) >= 7


@every_figure
def test_words_stay_on_the_page_and_off_each_other(name, drawn, monkeypatch):
    figure, boxes = drawn(name)[0], {}
    original = Text.draw

    def remember(text, renderer):
        original(text, renderer)
        if text.get_visible() and text.get_text().strip():
            boxes[text] = text.get_window_extent(renderer)

    monkeypatch.setattr(Text, "draw", remember)
    figure.draw_without_rendering()
    assert len(boxes) > 10
    page = figure.bbox.padded(0.5)
    outside = [
        text.get_text() for text, box in boxes.items() if not page.contains(*box.min) or not page.contains(*box.max)
    ]
    assert not outside
    for (one, here), (other, there) in itertools.combinations(boxes.items(), 2):
        overlap = here.padded(-0.5).overlaps(there.padded(-0.5))
        assert not overlap, f"{one.get_text()!r} lies on {other.get_text()!r}"


@pytest.mark.parametrize(("module", "grid"), [(comparison, "table1"), (convergence, "convergence")])
def test_no_seed_is_cut_at_an_edge(module, grid, tmp_path):
    """With thirty seeds the intervals are much narrower than what single seeds spread over."""
    style.save(figure := module.draw(*study(30), grid), [tmp_path / "figure.svg"])
    for axes in figure.axes:
        for line in [line for line in axes.lines if len(line.get_xdata()) >= 30]:
            points = line.get_transform().transform(line.get_xydata())
            reach = line.get_markersize() / 2 * figure.dpi / 72
            assert (points >= axes.bbox.min + reach).all()
            assert (points <= axes.bbox.max - reach).all()


def test_unknown_formats_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"figure\.bmp"):
        style.save(FIGURES["architecture"](), [tmp_path / "figure.bmp"])


def test_arms_keep_their_colours():
    plan, _ = study()
    plan["cells"] |= {arm: {"arm": arm} for arm in ("none", "joint", "er", "ewc", "si", "dgr", "bir", "rr", "ra")}
    colours = style.arm_colours(plan)
    assert (colours["bir-si"], colours["rr-ra"]) == (style.BASELINE, style.TREATMENT)
    assert len(set(colours.values())) == len(colours) == 11


def test_competing_classes_shows_the_probabilities_and_the_threshold():
    figure = competing_classes.draw(example())
    axes = figure.axes[0]
    bars = sorted(axes.patches, key=lambda bar: bar.get_x())
    assert [bar.get_height() for bar in bars] == example()["probabilities"]
    colours = [to_hex(bar.get_facecolor()) for bar in bars]
    assert [k for k, colour in enumerate(colours) if colour == style.BASELINE] == [2]
    assert [k for k, colour in enumerate(colours) if colour == style.TREATMENT] == [1, 3, 4]
    (line,) = axes.lines
    assert set(line.get_ydata()) == {0.6 / 20}
    assert axes.get_ylim()[0] < 0.6 / 20 < axes.get_ylim()[1]
    assert {"label 2", "competing: 3, 1, 4", "f = 20: threshold p/f = 0.03"} <= written(figure)


def test_competing_classes_shows_the_sample_and_the_means_of_label_and_competitors():
    figure = competing_classes.draw(example())
    assert [axes.get_title() for axes in figure.axes[1:]] == [
        "replayed\nsample",
        *(f"mean of\nlabel {k}" for k in (2, 3, 1, 4)),
    ]
    for axes in figure.axes[1:]:
        np.testing.assert_array_equal(axes.images[0].get_array(), example()["image"])
    assert len(competing_classes.draw(example(images=False)).axes) == 1


def test_competing_classes_without_f_has_no_line():
    figure = competing_classes.draw(example(f="none"))
    assert not figure.axes[0].lines
    assert "f = none: no threshold, the runner-up competes" in written(figure)


def test_competing_classes_without_a_competitor_says_so():
    assert "none competes" in written(competing_classes.draw({**example(), "rivals": []}))


def test_competing_classes_are_those_of_a_checkpoint_that_is_here(tmp_path, monkeypatch):
    """The cell in focus first; a run without its checkpoint, or of a method that does not exaggerate, shows nothing."""
    cells = {
        cell: {
            "config": {"method": {"f": 20} if cell != "bir" else {}},
            "runs": [{"directory": f"results/runs/{cell}"}],
        }
        for cell in ("bir", "rr", "ra")
    }
    digests = {cell: {"model.safetensors": hashlib.sha256(cell.encode()).hexdigest()} for cell in cells}
    records = {cell: sealed({"sha256": digest}) for cell, digest in digests.items()}
    whole = Study({"focus": "ra", "cells": cells}, records)
    asked = []
    monkeypatch.setattr(
        illustration,
        "competing_example",
        lambda record, weights: asked.append(weights.parent.name) or {**example(), "probabilities": [0.1 + 1e-9] * 8},
    )
    folder = tmp_path / "mine" / "fresh"
    assert competing_classes.of_study(whole, folder) is None
    for cell, drawn in (("bir", []), ("rr", ["rr"]), ("ra", ["rr", "ra"])):
        (tmp_path / "runs" / cell).mkdir(parents=True)
        (tmp_path / "runs" / cell / "model.safetensors").write_text(cell)
        (tmp_path / "runs" / cell / "record.json").write_text(json.dumps(records[cell]))
        figure = competing_classes.of_study(whole, folder)
        assert asked == drawn
        assert figure is None or {bar.get_height() for bar in figure.axes[0].patches} == {0.1}


def test_convergence_plots_means_and_single_seeds():
    plan, runs = study()
    figure = convergence.draw(plan, runs)
    panels = dict(zip(("overall", "first50", "first20"), figure.axes, strict=True))
    for metric, axes in panels.items():
        lines = {line.get_label(): line for line in axes.lines}
        for arm, name in (("bir-si", "BI-R+SI"), ("rr-ra", "RR+RA")):
            cells = [f"{arm}-iterations50", f"{arm}-iterations100", arm]
            values = [runs.loc[runs["cell"] == cell, metric].to_numpy() for cell in cells]
            np.testing.assert_array_equal(lines[name].get_xdata(), ITERATIONS)
            np.testing.assert_allclose(lines[name].get_ydata(), np.mean(values, axis=1))
            dots = [line for line in axes.lines if len(line.get_xdata()) == 12]
            shown = [sorted(line.get_ydata()) for line in dots]
            assert sorted(np.ravel(values)) in shown
        assert [label.get_text() for label in axes.get_xticklabels()] == ["50", "100", "200"]


def test_convergence_bands_are_t_intervals():
    plan, runs = study(seeds=2)
    runs.loc[runs["cell"] == "rr-ra", "overall"] = [40.0, 42.0]
    bands = convergence.draw(plan, runs).axes[0].collections
    edges = np.concatenate([path.vertices for band in bands for path in band.get_paths()])
    # Mean 41, standard error 1, t of one degree of freedom 12.706.
    for edge in (41 - 12.706, 41 + 12.706):
        assert np.abs(edges - [200, edge]).sum(axis=1).min() < 1e-3


def test_convergence_never_mixes_devices():
    plan, runs = study()
    runs.loc[runs["cell"] == "rr-ra-iterations50", "device"] = "cuda"
    with pytest.raises(UserError, match="cpu and cuda"):
        convergence.draw(plan, runs)


def test_comparison_plots_differences_intervals_seeds_and_the_papers_values():
    plan, runs = study()
    figure = comparison.draw(plan, runs, "table1")
    published = {"first20": (3.80, 4.80), "first50": (4.06, 4.86), "overall": (1.35, 1.48)}
    for axes, (metric, papers) in zip(figure.axes, published.items(), strict=True):
        by_cell = {cell: group.set_index("seed")[metric] for cell, group in runs.groupby("cell")}
        plotted = [(tuple(np.ravel(line.get_xdata())), tuple(np.ravel(line.get_ydata()))) for line in axes.lines]
        for y, (cell, paper) in enumerate(zip(("rr-ra-f5", "rr-ra"), papers, strict=True)):
            seeds = by_cell[cell] - by_cell["bir-si"]
            assert (tuple(seeds), (y,) * 4) in plotted
            assert any(xs == pytest.approx((seeds.mean(),)) and ys == (y,) for xs, ys in plotted)
            assert ((paper,), (y,)) in plotted
            (interval,) = [x for x, ys in plotted if ys == (y, y)]
            margin = 3.1824 * seeds.std() / 2  # t of three degrees of freedom, four seeds
            assert interval == pytest.approx((seeds.mean() - margin, seeds.mean() + margin), abs=1e-3)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["f = 5", "f = 20"]
    assert {"paper (CIFAR-100)", "difference from BI-R+SI on digits (percentage points)"} <= written(figure)


def test_comparison_of_one_seed_claims_no_interval():
    assert "single seed, no interval" in written(FIGURES["comparison_single_seed"]())


def test_comparison_names_cells_where_f_does_not_tell_them_apart():
    figure = comparison.draw(*study(), "convergence")
    assert {"RR+RA, iterations = 50", "RR+RA, iterations = 200"} <= written(figure)
    assert "paper (CIFAR-100)" not in written(figure)


def test_accuracy_matrix_is_the_mean_over_seeds():
    other = record()
    other["counts"]["correct"] = [[5, 3, 0, 0], [1, 0, 20, 20]]
    figure = accuracy_matrix.draw({"bir-si": [record()], "rr-ra": [record(), other]})
    baseline, treatment = (axes.images[0].get_array().filled(np.nan) for axes in figure.axes[:2])
    np.testing.assert_allclose(baseline, [[80, np.nan], [25, 75]])
    np.testing.assert_allclose(treatment, [[60, np.nan], [15, 87.5]])
    assert [text.get_text() for text in figure.axes[0].texts] == ["80", "25", "75"]
    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == ["BI-R+SI", "RR+RA"]
    assert {axes.images[0].get_clim() for axes in figure.axes[:2]} == {(0, 100)}


def test_accuracy_matrix_needs_runs_of_one_length():
    with pytest.raises(UserError, match="'rr-ra' needs at least one run"):
        accuracy_matrix.draw({"bir-si": [record()], "rr-ra": []})


def test_architecture_shows_its_sizes():
    seen = written(architecture.draw(**SIZES))
    assert {"input x\n1,024", "fc\n2,000\nReLU", "z\n100", "softmax classifier\n90 classes"} <= seen
    assert "reconstruction\nhalf squared error" in seen
    assert any("off\nwith probability 0.6" in text for text in seen)
    bounded = written(architecture.draw(**SIZES | {"bounded": True}))
    assert "reconstruction\nbinary cross-entropy" in bounded
    assert any(text.endswith("sigmoid") for text in bounded)


def test_dose_is_drawn_over_the_weight_that_acts():
    plan, runs = doses()
    axes = dose.draw(plan, runs, "g", inputs=1024).axes[0]
    means = [container.lines[0] for container in axes.containers]
    assert [len(line.get_xdata()) for line in means] == [3, 3, 3]
    alone = means[1]  # RA alone, between the two others
    np.testing.assert_allclose(alone.get_xdata(), [1e-6, 1e-2, 1])
    np.testing.assert_allclose(alone.get_ydata(), [0.05, 0.05, 5.05])  # seeds 1 and 3 have 0.1 more
    marks = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"]
    np.testing.assert_allclose(marks, [1e-6, 1.024e-3, 0.524288])  # 1,024 features, 512 samples


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        ({"reduction": "mean"}, (2e-3, 5e-3)),
        ({"reduction": "sum"}, (2e-3 / 64, 5e-3 * 64)),  # an inverse of a sum is so much smaller
        ({"reduction": "total"}, (2e-3 / (64 * 16), 5e-3 * 64 * 16)),
        ({"reduction": "sum", "repulsion": "negative"}, (2e-3 * 64, 5e-3 * 64)),
    ],
)
def test_the_weight_that_acts_depends_on_what_is_summed(reading, expected):
    made = config(lambda_rr=4e-3, lambda_ra=1e-2, lambda_rec=2.0, reading=reading)
    assert dose.weights(made, inputs=64) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "text"), [(0.1, "0.1"), (300, "300"), (5000, "5,000"), (1e4, "1e4"), (1e8, "1e8"), (25000, "2.5e4")]
)
def test_numbers_are_short(value, text):
    assert style.short_number(value) == text


def test_the_frontier_is_what_no_other_point_exceeds():
    points = np.array([[10, 15], [30, 5], [25, 20], [25, 18], [5, 20]])
    assert frontier.undominated(points).tolist() == [[25, 20], [30, 5]]


def test_frontier_shows_means_and_the_baselines_reach():
    figure = frontier.draw(*strengths(), "g")
    axes = figure.axes[0]
    lines = {line.get_color(): line for line in axes.lines if line.get_linestyle() == "-"}
    np.testing.assert_allclose(lines[style.BASELINE].get_xydata(), [[30, 5], [25, 20], [10, 15]])
    np.testing.assert_allclose(lines[style.TREATMENT].get_xydata(), [[31.5, 8], [26.5, 23], [11.5, 18]])
    (reach,) = axes.collections
    inside = reach.get_paths()[0].contains_points([[24, 19], [29, 4.5], [29, 6], [26, 19], [11, 19]])
    assert inside.tolist() == [True, True, False, False, True]
    assert {"c = 10", "1,000", "1e5"} <= written(figure)


def test_specifications_are_sorted_by_effect_and_marked():
    plan, runs = readings()
    top, below = specification.draw(plan, runs, "g").axes
    means = [line.get_ydata()[0] for line in top.lines if len(line.get_ydata()) == 1]
    np.testing.assert_allclose(means, [-1.95, 0.05, 2.05, 4.05])
    labels = [label.get_text() for label in below.get_yticklabels()]
    marked = {
        label: [int(x) for line in below.lines if line.get_markersize() == 3 for x, at in line.get_xydata() if at == y]
        for y, label in enumerate(labels)
    }
    assert marked == {
        "repulsion: negative": [0, 2],
        "repulsion: mean inverse": [1, 3],
        "reduction: mean": [0, 1],
        "reduction: total": [2, 3],
    }


def test_the_trend_is_a_line_over_the_logarithm():
    size, seed = np.repeat([10.0, 100.0, 1000.0], 4), np.tile(range(4), 3)
    noise = np.tile([0.3, -0.1, -0.4, 0.2], 3)  # of the seed, the same at every size: the slope is exact
    found = scale.trend(pd.Series(size), pd.Series(5 - np.log10(size) + noise), pd.Series(seed), np.array([1e4]))
    assert found[0, 0] == pytest.approx(1)
    # By seeds: the interval is that of their mean. Four seeds: t of three degrees of freedom, a sandwich of n values
    # instead of n - 1, and the usual small-sample factor (4 / 3) (11 / 10).
    margin = 3.1824 * np.sqrt(np.mean(noise[:4] ** 2) / 4 * (4 / 3) * (11 / 10))
    assert found[0, 1:] == pytest.approx([1 - margin, 1 + margin], abs=1e-3)
    assert not len(scale.trend(pd.Series(size), pd.Series(size), pd.Series(0 * seed), np.array([1.0])))


def test_forgetting_by_age_is_the_mean_of_the_diagonals():
    matrix = np.array([[80, np.nan, np.nan], [60, 70, np.nan], [20, 50, 90]])
    assert forgetting.by_age(matrix).tolist() == [80, 55, 20]
    left, right = forgetting.draw({"bir-si": [record()]}, COLOURS).axes
    assert [line.get_ydata().tolist() for line in left.lines] == [[80, 25]]
    assert [line.get_ydata().tolist() for line in right.lines] == [[77.5, 25]]  # 80 and 75 at once, 25 a task later


# ---------------------------------------------------------------- which figures a study has


def test_a_study_may_say_how_a_grid_is_drawn():
    plan, _ = sizes()
    assert figures_of(plan)["g"] == ("scale", "g")
    plan["study"]["figures"] = {"g": "comparison"}
    assert figures_of(plan)["g"] == ("comparison", "g")


@pytest.mark.parametrize("kind", [*get_args(GridFigure), *FROM_MORE, "accuracy_matrix", "architecture", "forgetting"])
def test_every_kind_of_figure_is_a_module_with_its_caption(kind):
    assert callable(import_module(f"exaggerated_replay.figures.{kind}").of_study)
    assert caption(kind)


def test_names_of_points_that_lie_close_together_are_left_out():
    points = np.array([[0.0, 0.0], [0.05, 0.0], [0.09, 0.0], [0.1, 0.0], [0.1, 0.5], [0.12, 0.5]])
    assert frontier.apart(points, 0.1) == [0, 3, 4]
    assert frontier.apart(points[:0], 0.1) == []


def test_a_setting_that_a_cell_does_not_have_is_no_row_of_the_curve():
    settings = [{"method.f": [20]}, {"method.f": [None]}]
    cells = {
        "bir-si": {"arm": "bir-si", "config": {"method": {}}},
        "rr-ra": {"arm": "rr-ra", "config": {"method": {"f": 20.0}}},
    }
    plan = {"cells": cells, "grids": {"g": [{"settings": row} for row in settings]}}
    assert specification.switches(plan, "g", ["bir-si", "rr-ra"]) == {
        ("arm", "bir-si"): [True, False],
        ("arm", "rr-ra"): [False, True],
        ("f", "20"): [False, True],
    }
