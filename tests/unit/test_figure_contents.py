"""What each kind of figure shows, against numbers worked out from the runs it is drawn from."""

import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from sample_figures import (
    COLOURS,
    FIGURES,
    ITERATIONS,
    SIZES,
    cell_of,
    config,
    dosed,
    readings,
    record,
    sizes,
    strengths,
    study,
    written,
)
from studies import made, whole

from exaggerated_replay.errors import UserError
from exaggerated_replay.figures import (
    accuracy_matrix,
    architecture,
    comparison,
    convergence,
    dose,
    forgetting,
    frontier,
    look,
    marks,
    scale,
    sheet,
    specification,
)
from exaggerated_replay.figures.colours import BASELINE, INK, TREATMENT
from exaggerated_replay.learning.competition import attraction, repulsion
from exaggerated_replay.settings.rules import MarginSettings, RulesSettings
from exaggerated_replay.store.records import Record


def test_architecture_shows_its_sizes():
    seen = written(architecture.draw(**SIZES))
    assert {"input x\n1,024", "fc\n2,000\nReLU", "z\n100", "softmax classifier\n90 classes"} <= seen
    assert "reconstruction\nhalf squared error" in seen
    assert any("off\nwith probability 0.6" in text for text in seen)
    bounded = written(architecture.draw(**SIZES | {"bounded": True}))
    assert "reconstruction\nbinary cross-entropy" in bounded
    assert any(text.endswith("sigmoid") for text in bounded)


def test_architecture_has_the_sizes_of_the_cell_in_focus():
    size = {"method": {"gate_proportion": 0.6}, "model": {"units": 2000, "latent": 100}}
    small = size | {"model": {"units": 200, "latent": 100}}
    cells = {"none": size | {"method": {}}, "rr-ra": size, "rr-ra-small": small}
    plan = {"cells": {cell: {"config": config, "runs": [{"directory": cell}]} for cell, config in cells.items()}}
    records = {cell: {"problem": {"inputs": 64, "classes": 10, "bounded": True}} for cell in cells}
    for focus, units in {"rr-ra": "2,000", "rr-ra-small": "200", "none": "200"}.items():
        seen = written(architecture.of_study(made(plan | {"focus": focus}, records=records)))
        assert f"fc\n{units}\nReLU" in seen


# ---------------------------------------------------------------- two arms


def test_convergence_plots_means_and_single_seeds():
    plan, runs = study()
    figure = convergence.draw(made(plan, runs), "convergence")
    for metric, axes in zip(("first20", "first50", "overall"), figure.axes[:3], strict=True):
        lines = {line.get_label(): line for line in axes.lines}
        for arm, name in (("bir-si", "BI-R+SI"), ("rr-ra", "RR+RA")):
            cells = [f"{arm}-iterations50", f"{arm}-iterations100", arm]
            values = [runs.loc[runs["cell"] == cell, metric].to_numpy() for cell in cells]
            np.testing.assert_array_equal(lines[name].get_xdata(), ITERATIONS)
            np.testing.assert_allclose(lines[name].get_ydata(), np.mean(values, axis=1))
            dots = [line for line in axes.lines if len(line.get_xdata()) == 12]
            shown = [sorted(line.get_ydata()) for line in dots]
            assert sorted(np.ravel(values)) in shown
    for axes in figure.axes[3:]:
        assert [label.get_text() for label in axes.get_xticklabels()] == ["50", "100", "200"]


def test_convergence_shows_the_paired_differences_below():
    plan, runs = study()
    axes = convergence.draw(made(plan, runs), "convergence").axes[3]
    (drawn,) = [container.lines[0] for container in axes.containers]
    of = {cell: group.set_index("seed")["first20"] for cell, group in runs.groupby("cell")}
    expected = [(of[f"rr-ra{end}"] - of[f"bir-si{end}"]).mean() for end in ("-iterations50", "-iterations100", "")]
    np.testing.assert_array_equal(drawn.get_xdata(), ITERATIONS)
    np.testing.assert_allclose(drawn.get_ydata(orig=False), expected)
    assert drawn.get_color() == TREATMENT


def test_convergence_of_a_grid_that_varies_no_length_has_one_point_for_each_arm():
    plan, runs = study()
    plan["grids"]["table1"] = [row for row in plan["grids"]["table1"] if row["cell"] != "rr-ra-f5"]
    figure = convergence.draw(made(plan, runs), "table1")
    (drawn,) = [container.lines[0] for container in figure.axes[3].containers]
    assert drawn.get_xdata().tolist() == [200]


def test_convergence_bands_are_t_intervals():
    plan, runs = study(seeds=2)
    runs.loc[runs["cell"] == "rr-ra", "overall"] = [40.0, 42.0]
    bands = convergence.draw(made(plan, runs), "convergence").axes[2].collections
    edges = np.concatenate([path.vertices for band in bands for path in band.get_paths()])
    # Mean 41, standard error 1, t of one degree of freedom 12.706.
    for edge in (41 - 12.706, 41 + 12.706):
        assert np.abs(edges - [200, edge]).sum(axis=1).min() < 1e-3


def test_convergence_never_mixes_devices():
    plan, runs = study()
    runs.loc[runs["cell"] == "rr-ra-iterations50", "device"] = "cuda"
    with pytest.raises(UserError, match=r"cpu \(as .*\) and cuda \(as "):
        convergence.draw(made(plan, runs), "convergence")


def test_comparison_plots_differences_intervals_seeds_and_the_papers_values():
    plan, runs = study()
    plan["dataset"] |= {"name": "cifar100", "title": "CIFAR-100"}
    figure = comparison.draw(made(plan, runs), "table1")
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
    assert {
        "paper (2,000 units, 5,000 iterations)",
        "mean here (200 units, 200 iterations), 95 % confidence interval, 4 seeds",
        "difference of RR+RA from BI-R+SI (CIFAR-100; percentage points)",
    } <= written(figure)


def test_no_value_of_the_papers_stands_beside_other_data():
    figures = {name: FIGURES[name]() for name in ("comparison", "convergence")}
    assert not any("paper" in text for figure in figures.values() for text in written(figure))
    assert not any(paper_has(line) for axes in figures["comparison"].axes for line in axes.lines)
    acting = {**sizes()[0], "dataset": {"name": "digits"}}
    for cell in acting["cells"].values():
        cell["config"]["method"] |= {"lambda_rr": 1, "lambda_ra": 1} if cell["arm"] == "rr-ra" else {}
    assert "units of a hidden layer (log scale), on digits" in written(scale.draw(made(acting, sizes()[1]), "g"))
    acting["dataset"] = {"name": "cifar100"}
    assert "units of a hidden layer (log scale; the paper's: 2,000), on cifar100" in written(
        scale.draw(made(acting, sizes()[1]), "g")
    )


def test_comparison_of_one_seed_claims_no_interval():
    assert "single seed, no interval" in written(FIGURES["comparison_single_seed"]())


def paper_has(line):
    return line.get_marker() == comparison.PAPER["marker"] and np.isfinite(np.ravel(line.get_xdata())).all()


def test_comparison_names_cells_where_f_does_not_tell_them_apart():
    plan, runs = study()
    plan["dataset"]["name"] = "cifar100"
    figure = comparison.draw(made(plan, runs), "convergence")
    assert {"50 iterations", "200 iterations"} <= written(figure)
    assert "paper (2,000 units, 5,000 iterations)" in written(figure)  # beside the study's own length, and no other
    assert [np.ravel(line.get_ydata()).tolist() for line in figure.axes[0].lines if paper_has(line)] == [[2]]


def test_comparison_leaves_out_what_all_rows_share():
    plan, runs = study()
    rows = [row for row in plan["grids"]["convergence"] if row["settings"]["training.iterations"] == 50]
    names = written(comparison.draw(made(plan | {"grids": {"convergence": rows}}, runs), "convergence"))
    assert "RR+RA" in names
    assert "RR+RA, 50 iterations" not in names
    assert "difference from BI-R+SI, 50 iterations (digits; percentage points)" in names


def test_accuracy_matrix_is_the_mean_over_seeds():
    other = record(correct=[[5, 3, 0, 0], [1, 0, 20, 20]])
    figure = accuracy_matrix.draw({"bir-si": [record()], "rr-ra": [record(), other]})
    baseline, treatment = (axes.images[0].get_array().filled(np.nan) for axes in figure.axes[:2])
    np.testing.assert_allclose(baseline, [[80, np.nan], [25, 75]])
    np.testing.assert_allclose(treatment, [[60, np.nan], [15, 87.5]])
    assert [text.get_text() for text in figure.axes[0].texts] == ["80", "25", "75"]
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["bir-si", "rr-ra", "difference (percentage points)"]
    assert {axes.images[0].get_clim() for axes in figure.axes[:2]} == {(0, 100)}


def test_accuracy_matrix_of_many_tasks_has_colour_bars_in_the_place_of_numbers():
    figure = FIGURES["accuracy_matrix_many_tasks"]()
    maps = [axes for axes in figure.axes if axes.images]
    assert len(figure.axes) == 2 * len(maps) == 6 and not any(axes.texts for axes in maps)
    np.testing.assert_allclose(maps[0].images[0].get_array()[24, [24, 23, 0]], [100, 95, 0])
    assert [label.get_text() for label in maps[0].get_xticklabels()] == [
        "1",
        "4",
        "7",
        "10",
        "13",
        "16",
        "19",
        "22",
        "25",
    ]


def test_accuracy_matrix_of_arms_with_other_tasks_has_no_difference():
    counts = {"correct": [[9, 7, 12, 18]], "tested": [10, 10, 20, 20], "predicted": [15] * 4}
    one = Record.of(whole({"settings": {"tasks": [[0, 1, 2, 3]]}, "counts": counts}))
    figure = accuracy_matrix.draw({"two tasks": [record()], "one task": [one]})
    assert [axes.get_title(loc="left") for axes in figure.axes if axes.images] == ["two tasks", "one task"]


def test_accuracy_matrix_needs_runs_of_one_length():
    with pytest.raises(UserError, match="'rr-ra' needs at least one run"):
        accuracy_matrix.draw({"bir-si": [record()], "rr-ra": []})


@pytest.mark.parametrize("name", ["convergence", "forgetting"])
def test_a_name_that_begins_with_an_underscore_is_in_the_key(name):
    named = {"bir-si": {"label": "_base"}, "rr-ra": {"label": "_mine"}}
    if name == "convergence":
        plan, runs = study()
        figure = convergence.draw(made(plan | {"arms": named}, runs), name)
    else:
        names = {arm: look["label"] for arm, look in named.items()}
        colours = {names[arm]: colour for arm, colour in COLOURS.items()}
        figure = forgetting.draw({called: [record()] for called in names.values()}, colours)
    (key,) = figure.legends
    assert [text.get_text() for text in key.get_texts()][:2] == ["_base", "_mine"]
    assert [line.get_color() for line in key.get_lines()][:2] == [BASELINE, TREATMENT]


def test_forgetting_by_age_is_the_mean_of_the_diagonals():
    matrix = np.array([[80, np.nan, np.nan], [60, 70, np.nan], [20, 50, 90]])
    assert forgetting.by_age(matrix).tolist() == [80, 55, 20]
    left, right = forgetting.draw({"bir-si": [record()]}, COLOURS).axes
    assert [line.get_ydata().tolist() for line in left.lines] == [[80, 25]]
    assert [line.get_ydata().tolist() for line in right.lines] == [[77.5, 25]]  # 80 and 75 at once, 25 a task later


# ---------------------------------------------------------------- settings that are varied


def test_dose_is_drawn_over_the_weight_that_acts():
    axes = dose.draw(dosed(), "g").axes[0]
    means = [container.lines[0] for container in axes.containers]
    assert [len(line.get_xdata()) for line in means] == [3, 3, 3]
    alone = means[1]  # RA alone, between the two others
    np.testing.assert_allclose(alone.get_xdata(), [1e-6, 1e-2, 1])
    np.testing.assert_allclose(alone.get_ydata(orig=False), [0.05, 0.05, 5.05])  # seeds 1 and 3 have 0.1 more
    marks = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"]
    np.testing.assert_allclose(marks, [1e-6, 1.024e-3, 0.524288])  # 1,024 features, 512 samples


def test_two_arms_of_one_kind_are_two_lines_of_a_dose_with_names_of_their_own():
    """Their differences depend on each other, because both are compared with the same baseline."""
    figure = dose.draw(dosed(("ra-stored", 0, 1, "stored")), "g")
    assert [len(container.lines[0].get_xdata()) for container in figure.axes[0].containers] == [3] * 4
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named[0] == "RR alone" and named[3] == "RR and RA (RA's weight)"
    assert named[1].startswith("RA alone, ") and named[2].startswith("RA alone, ") and named[1] != named[2]


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        ({"reduction": "mean"}, (2e-3, 5e-3)),
        ({"reduction": "sum"}, (2e-3 / 64, 5e-3 * 64)),  # an inverse of a sum is so much smaller
        ({"reduction": "total"}, (2e-3 * 16 / 64, 5e-3 * 64 * 16)),  # a sum of 16 inverses
        ({"reduction": "total", "repulsion": "inverse_mean"}, (2e-3 / (64 * 16), 5e-3 * 64 * 16)),
        ({"reduction": "sum", "repulsion": "negative"}, (2e-3 * 64, 5e-3 * 64)),
    ],
)
def test_the_weight_that_acts_depends_on_what_is_summed(reading, expected):
    cell = cell_of(config(lambda_rr=4e-3, lambda_ra=1e-2, lambda_rec=2.0, reading=reading))
    assert dose.weights(cell, inputs=64) == pytest.approx(expected)


@pytest.mark.parametrize("form", ["mean_inverse", "inverse_mean", "negative"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "total"])
def test_the_weight_that_acts_is_what_the_losses_themselves_grow_by(form, reduction):
    distance = torch.rand(16, 3, 64, generator=torch.Generator().manual_seed(0)) + 0.1  # every sample has two rivals
    own = torch.eye(3, dtype=torch.bool)[torch.arange(16) % 3]
    size = distance.mean(2) if reduction == "mean" else distance.sum(2)
    grown = (
        repulsion(size, ~own, torch.ones(16, 3), form, reduction)
        / repulsion(distance.mean(2), ~own, torch.ones(16, 3), form),
        attraction(size, own, reduction) / attraction(distance.mean(2), own),
    )
    cell = cell_of(config(lambda_rr=1, lambda_ra=1, reading={"reduction": reduction, "repulsion": form}))
    assert dose.weights(cell, inputs=64) == pytest.approx([float(value) for value in grown], rel=1e-5)


def test_the_frontier_is_what_no_other_point_exceeds():
    points = np.array([[10, 15], [30, 5], [25, 20], [25, 18], [5, 20]])
    assert frontier.undominated(points).tolist() == [[25, 20], [30, 5]]
    assert frontier.outline(points).tolist() == [[25, 20], [30, 5]]


def test_what_lies_below_a_line_between_two_strengths_is_no_corner_of_their_reach():
    points = np.array([[10, 30], [20, 22], [22, 18], [30, 10], [25, 20]])
    assert frontier.undominated(points).tolist() == [[10, 30], [20, 22], [25, 20], [30, 10]]
    assert frontier.outline(points).tolist() == [[10, 30], [25, 20], [30, 10]]  # at 20 the line is at 23.3


def test_frontier_shows_means_and_the_baselines_reach():
    figure = frontier.draw(made(*strengths()), "g")
    axes = figure.axes[0]
    lines = {line.get_color(): line for line in axes.lines if line.get_linestyle() == "-"}
    np.testing.assert_allclose(lines[BASELINE].get_xydata(), [[30, 5], [25, 20], [10, 15]])
    np.testing.assert_allclose(lines[TREATMENT].get_xydata(), [[31.5, 8], [26.5, 23], [11.5, 18]])
    (reach,) = [area for area in axes.collections if isinstance(area, PolyCollection)]
    bars = [area for area in axes.collections if isinstance(area, LineCollection)]
    assert len(bars) == 2 * 2  # intervals of two arms on two axes
    inside = reach.get_paths()[0].contains_points([[24, 19], [29, 4.5], [29, 7.5], [29, 8.5], [26, 19], [11, 19]])
    assert inside.tolist() == [True, True, True, False, False, True]
    assert {"c = 10", "1,000", "1e5", "95 % confidence interval, 4 seeds"} <= written(figure)


def test_names_of_points_that_lie_close_together_are_left_out():
    points = np.array([[0.0, 0.0], [0.05, 0.0], [0.09, 0.0], [0.1, 0.0], [0.1, 0.5], [0.12, 0.5]])
    assert frontier.apart(points, 0.1) == [0, 3, 4]
    assert frontier.apart(points[:0], 0.1) == []


def test_a_name_stands_where_its_point_has_no_neighbours():
    point = np.array([0.5, 0.5])
    below_and_right = np.array([[0.42, 0.45], [0.6, 0.5]])
    assert frontier.freest(point, below_and_right).tolist() == [-1, 1]
    assert frontier.freest(point, np.array([[0.4, 0.6]])).tolist() == [1, -1]


def test_variants_are_sorted_by_effect_and_named_by_what_is_their_own():
    figure = specification.draw(made(*readings()), "g")
    means = [
        line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() == "o" and len(line.get_xdata()) == 1
    ]
    np.testing.assert_allclose(means, [4.05, 2.05, 0.05, -1.95])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [
        "repulsion = mean inverse, RR and RA summed",
        "repulsion by \N{MINUS SIGN}D, RR and RA summed",
        "repulsion = mean inverse, reduction = mean",
        "repulsion by \N{MINUS SIGN}D, reduction = mean",
    ]


def test_variants_that_are_the_same_at_every_seed_share_a_row():
    plan, runs = readings()
    twin = runs["cell"].eq("rr-ra-negative-mean")
    runs.loc[twin, ["first20", "first50", "overall"]] = runs.loc[
        runs["cell"].eq("rr-ra-mean_inverse-mean"), ["first20", "first50", "overall"]
    ].to_numpy()
    names = [text.get_text() for text in specification.draw(made(plan, runs), "g").axes[0].get_yticklabels()]
    assert names[2] == "repulsion = mean inverse, reduction = mean\n= repulsion by \N{MINUS SIGN}D"
    assert len(names) == 3


def test_a_comparison_in_which_nothing_differs_says_so():
    plan, runs = study()
    scores = ["first20", "first50", "overall"]
    assert marks.ALL_ZERO not in " ".join(written(comparison.draw(made(plan, runs), "table1")))
    base = runs.loc[runs["cell"] == "bir-si", scores].to_numpy()
    for cell in ("rr-ra", "rr-ra-f5"):
        runs.loc[runs["cell"] == cell, scores] = base
    assert marks.ALL_ZERO in " ".join(written(comparison.draw(made(plan, runs), "table1")))


def test_what_is_negligible_is_shaded_by_the_rules_of_the_study():
    plan, runs = study()
    plan["rules"] = {"margins": MarginSettings(first20=3.0, first50=2.0, overall=0.5)}
    figure = comparison.draw(made(plan, runs), "table1")
    bands = [axes.patches[0].get_extents().transformed(axes.transData.inverted()) for axes in figure.axes]
    np.testing.assert_allclose([(band.x0, band.x1) for band in bands], [(-3, 3), (-2, 2), (-0.5, 0.5)])


def test_of_two_arms_the_difference_stands_beside():
    other = record(correct=[[5, 3, 0, 0], [1, 0, 20, 20]])
    figure = accuracy_matrix.draw({"BI-R+SI": [record()], "RR+RA": [other]})
    # 40, 5 and 100 % where the baseline has 80, 25 and 75 %.
    np.testing.assert_allclose(figure.axes[2].images[0].get_array().filled(np.nan), [[-40, np.nan], [-20, 25]])
    assert [text.get_text() for text in figure.axes[2].texts] == ["\N{MINUS SIGN}40.0", "\N{MINUS SIGN}20.0", "+25.0"]
    assert len(accuracy_matrix.draw({"a": [other]}).axes) == 1


@pytest.mark.parametrize("name", ["comparison", "convergence", "accuracy_matrix", "forgetting", "dose", "scale"])
def test_panels_stack_in_one_column_for_a_narrow_screen(name):
    wide = FIGURES[name]()
    with look.stacked():
        narrow = FIGURES[name]()
    assert (wide.get_figwidth(), narrow.get_figwidth()) == (sheet.DOUBLE, sheet.SINGLE)
    assert [axes.get_title(loc="left") for axes in narrow.axes if axes.get_title(loc="left")] == [
        axes.get_title(loc="left") for axes in wide.axes if axes.get_title(loc="left")
    ]
    narrow.draw_without_rendering()
    assert len({round(axes.get_position().x0, 2) for axes in narrow.axes}) == 1
    assert len({round(axes.get_position().y0, 2) for axes in narrow.axes}) == len(wide.axes)


def trend(line):
    """Tell whether a line is a trend: it has two ends and no marker."""
    return len(line.get_xdata()) == 2 and line.get_marker() == "None" and line.get_color() != INK


def test_the_trend_stops_at_the_data():
    """One unit less per doubling; every second seed lies 0.1 above the others."""
    figure = scale.draw(made(*sizes()), "g")
    (line,) = [line for line in figure.axes[0].lines if trend(line)]
    assert line.get_xdata() == pytest.approx([100, 400])
    assert line.get_ydata() == pytest.approx([3.05, 1.05])
    assert figure.axes[0].get_xlim()[1] < 500


def test_a_trend_without_a_verdict_has_no_line():
    figure = scale.draw(made(*sizes(seeds=5)), "g")  # three comparisons take six
    assert not any(trend(line) for axes in figure.axes for line in axes.lines)
    assert "trend" not in written(figure)
    assert "trend" in written(scale.draw(made(*sizes()), "g"))


@pytest.mark.parametrize("name", ["scale", "dose", "convergence"])
def test_what_is_negligible_is_shaded_beside_differences_over_something(name):
    figure = FIGURES[name]()
    margins = RulesSettings().margins
    expected = [(-margins.of(metric), margins.of(metric)) for metric in ("first20", "first50", "overall")]
    bands = [
        patch.get_extents().transformed(axes.transData.inverted()) for axes in figure.axes for patch in axes.patches
    ]
    np.testing.assert_allclose([(band.y0, band.y1) for band in bands], expected)
    seeds = 6 if name == "scale" else 4
    assert {f"95 % confidence interval, {seeds} seeds", "single seeds", "negligible differences"} <= written(figure)


def test_differences_that_are_zero_over_all_lengths_are_said_to_be():
    plan, runs = study()
    scores = ["first20", "first50", "overall"]
    plan["grids"] = {"convergence": plan["grids"]["convergence"]}
    assert marks.ALL_ZERO not in " ".join(written(convergence.draw(made(plan, runs), "convergence")))
    for length in ("", "-iterations50", "-iterations100"):
        base = runs.loc[runs["cell"] == f"bir-si{length}", scores].to_numpy()
        runs.loc[runs["cell"] == f"rr-ra{length}", scores] = base + 1e-13  # what rounding leaves
    assert marks.ALL_ZERO in " ".join(written(convergence.draw(made(plan, runs), "convergence")))


def test_sizes_at_which_no_run_reached_its_end_have_no_points():
    plan, runs = sizes()
    runs = runs.astype({metric: float for metric in ("first20", "first50", "overall")})
    runs[["first20", "first50", "overall"]] = float("nan")
    figure = scale.draw(made(plan, runs), "g")
    assert not any(trend(line) for axes in figure.axes for line in axes.lines)


@pytest.mark.parametrize("name", ["convergence", "frontier", "scale", "forgetting"])
def test_arms_differ_in_their_markers_and_the_key_has_them(name):
    figure = FIGURES[name]()
    (key,) = figure.legends
    own = [line for line in key.get_lines() if line.get_color() in COLOURS.values()]
    assert [line.get_color() for line in own] == [BASELINE, TREATMENT][-len(own) :]
    shown = {(line.get_color(), line.get_marker()) for line in own}
    assert len({marker for _, marker in shown}) == len(own)
    drawn = {(line.get_color(), line.get_marker()) for axes in figure.axes for line in axes.lines}
    assert shown <= drawn


def test_the_ticks_of_differences_are_at_least_three():
    """From -17 to 8 points, where steps of ten would give two, -10 and 0."""
    plan, runs = readings()
    scores = ["first20", "first50", "overall"]
    runs[scores] = runs[scores].astype(float)
    for cell, effect in zip(runs["cell"].unique()[1:], (-17, -9, 0, 8), strict=True):
        runs.loc[runs["cell"] == cell, scores] = runs.loc[runs["cell"] == "bir-si", scores].to_numpy() + effect
    axes = comparison.draw(made(plan, runs), "g").axes[0]
    low, high = axes.get_xlim()
    assert sum(low <= tick <= high for tick in axes.get_xticks()) >= 3


def test_a_key_says_of_how_many_seeds_intervals_are():
    plan, runs = sizes()
    runs = runs[~((runs["cell"] == "rr-ra100") & (runs["seed"] > 3))]
    plan["cells"]["rr-ra100"]["runs"] = plan["cells"]["rr-ra100"]["runs"][:4]
    assert "95 % confidence interval, 4 to 6 seeds" in written(scale.draw(made(plan, runs), "g"))
    (said,) = [text for text in written(comparison.draw(made(plan, runs), "g")) if text.startswith("mean")]
    assert said.endswith("95 % confidence interval, 4 to 6 seeds")
    assert not any("interval" in text for text in written(scale.draw(made(*sizes(seeds=1)), "g")))


@pytest.mark.parametrize(("labels", "rows"), [(["a", "b"], 1), (["to the means"] * 4, 2), (["x" * 200], 1)])
def test_a_key_that_is_too_long_for_one_row_takes_more(labels, rows):
    figure = Figure(figsize=(sheet.SINGLE, 3), layout="constrained")
    sheet.key(figure, [Patch() for _ in labels], labels)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert len({round(text.get_window_extent().y0) for text in legend.get_texts()}) == rows
    assert len(legend.get_texts()) == len(labels)
    if len(labels) > 1:
        assert legend.get_window_extent().x1 <= figure.bbox.x1


def test_the_rows_of_a_key_are_filled_evenly():
    figure = Figure(figsize=(sheet.DOUBLE, 3), layout="constrained")
    sheet.key(figure, [Patch() for _ in range(6)], ["somewhat long label"] * 6)
    (legend,) = figure.legends
    figure.draw_without_rendering()
    heights = [round(text.get_window_extent().y0) for text in legend.get_texts()]
    assert sorted(heights.count(height) for height in {*heights}) == [3, 3]
