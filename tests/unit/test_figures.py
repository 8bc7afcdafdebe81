"""What holds for every figure: the same bytes whatever the user's settings, legible words, a module and a caption."""

import itertools
from functools import cache
from importlib import import_module

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image
from sample_figures import FIGURES, sizes, study, words
from studies import LOOKS, made, planned

from exaggerated_replay.analysis.names import cell_name, row_names
from exaggerated_replay.analysis.study.outputs import figures_of
from exaggerated_replay.errors import UserError
from exaggerated_replay.figures import comparison, convergence, saving, sheet
from exaggerated_replay.figures.colours import BASELINE, NEUTRAL, TREATMENT, arm_colours, cell_colours, line_looks
from exaggerated_replay.planning.questions import QUESTIONS, WHOLE_STUDY
from exaggerated_replay.publishing.study import ANSWERS
from exaggerated_replay.report.findings import KINDS
from exaggerated_replay.report.pictures import caption

MODULES = (
    *("accuracy_matrix", "architecture", "comparison", "competing_classes", "convergence"),
    *("dose", "forgetting", "frontier", "scale", "specification"),
)
every_figure = pytest.mark.parametrize("name", FIGURES)
OTHER_SETTINGS = {"font.size": 20, "savefig.dpi": 50, "svg.hashsalt": None, "figure.autolayout": True}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Draw each figure once, as it is saved; return it and its SVG file."""

    @cache
    def once(name):
        target = tmp_path_factory.mktemp(name) / "figure.svg"
        saving.save(figure := FIGURES[name](), [target])
        return figure, target

    return once


@pytest.mark.parametrize("module", MODULES)
def test_a_figure_is_byte_identical_whatever_the_users_settings(module, drawn, tmp_path):
    _, before = drawn(module)
    with mpl.rc_context(OTHER_SETTINGS):
        saving.save(FIGURES[module](), [tmp_path / "figure.svg"])
    assert (tmp_path / "figure.svg").read_bytes() == before.read_bytes()


def test_files_of_every_format_are_byte_identical_and_tell_no_date_and_no_version(tmp_path):
    names = ["figure.png", "figure.pdf", "figure.svg"]
    saving.save(FIGURES["accuracy_matrix"](), [tmp_path / "one" / name for name in names])
    with mpl.rc_context(OTHER_SETTINGS):
        saving.save(FIGURES["accuracy_matrix"](), [tmp_path / "two" / name for name in names])
    for name in names:
        content = (tmp_path / "one" / name).read_bytes()
        assert content == (tmp_path / "two" / name).read_bytes()
        assert not any(word in content for word in (b"CreationDate", b"dc:date", b"Matplotlib v", b"Software"))


def test_saving_again_changes_nothing(tmp_path):
    figure = FIGURES["comparison"]()
    saving.save(figure, [tmp_path / "one.svg", tmp_path / "between.png"])
    saving.save(figure, [tmp_path / "two.svg"])
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


@every_figure
def test_figures_are_legible_at_the_width_of_a_column(name, drawn):
    figure, _ = drawn(name)
    assert figure.get_figwidth() in (sheet.SINGLE, sheet.DOUBLE)
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
    saving.save(figure := module.draw(made(*study(30)), grid), [tmp_path / "figure.svg"])
    for axes in figure.axes:
        for line in [line for line in axes.lines if len(line.get_xdata()) >= 30]:
            points = line.get_transform().transform(line.get_xydata())
            reach = line.get_markersize() / 2 * figure.dpi / 72
            assert (points >= axes.bbox.min + reach).all()
            assert (points <= axes.bbox.max - reach).all()


def test_unknown_formats_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"figure\.bmp"):
        saving.save(FIGURES["architecture"](), [tmp_path / "figure.bmp"])


def test_arms_keep_their_colours():
    plan, _ = study()
    plan["cells"] |= {arm: {"arm": arm} for arm in ("none", "joint", "er", "ewc", "si", "dgr", "bir", "rr", "ra")}
    colours = arm_colours(planned(plan))
    assert (colours["bir-si"], colours["rr-ra"]) == (BASELINE, TREATMENT)
    assert len(set(colours.values())) == len(colours) == 11


def test_lines_differ_in_more_than_their_colour():
    looks = line_looks({"a": "#000000", "b": "#111111", "c": "#000000"} | {f"d{k}": f"#22222{k}" for k in range(9)})
    assert [looks[name]["color"] for name in "abc"] == ["#000000", "#111111", "#000000"]
    assert [looks[name]["linestyle"] for name in "abc"] == ["-", "-", "--"]
    assert len({look["marker"] for look in [*looks.values()][:8]}) == 8
    assert len({tuple(look.values()) for look in looks.values()}) == len(looks) == 12


def test_a_cell_keeps_the_word_that_stands_for_its_settings():
    cells = {name: {"arm": "bir-si"} for name in ("bir-si", "bir-si-half_size", "bir-si-lambda_rec_replayed3")}
    half = {"cell": "bir-si-half_size", "settings": {"model.units": 200}}
    rec = {"method.lambda_rec": 1.0, "method.lambda_rec_replayed": 3.0}  # of which the name has the second alone
    rows = [{"cell": "bir-si"}, half, {"cell": "bir-si-lambda_rec_replayed3", "settings": rec}]
    plan = planned({"cells": cells, "grids": {"one": rows}})
    times = "replayed reconstruction \N{MULTIPLICATION SIGN} 3"
    assert [cell_name(plan, cell) for cell in cells] == ["BI-R+SI", "BI-R+SI, half size", f"BI-R+SI, {times}"]


def test_cells_are_named_by_their_arm_and_what_the_grid_set_in_it():
    set_in_it = {"method.f": 20, "method.lambda_ra": 0.3, "method.reading.distance": "bce"}
    names = ["rr-ra", "rr-ra-lambda_ra0.3-distance-bce", "rr-ra-f5", "bir-si", "mine-strength3000"]
    weights = [(1e-6, 1e-6), (1e-6, 0.3), (1e-6, 1e-6), None, (0.0, 10.0)]
    plan = {
        "cells": {
            cell: {
                "arm": "bir-si" if cell == "bir-si" else cell.partition("-strength")[0] if "mine" in cell else "rr-ra",
                "config": {"method": dict(zip(("lambda_rr", "lambda_ra"), pair or (), strict=False))},
            }
            for cell, pair in zip(names, weights, strict=True)
        },
        "grids": {
            "one": [
                {"cell": names[0], "settings": {}},
                {"cell": names[1], "settings": set_in_it},
                {"cell": names[4], "settings": {"method.si.strength": 3000}},
            ]
        },
    }
    assert [cell_name(planned(plan), cell) for cell in names] == [
        "RR+RA",
        "RR+RA, weights 1e-6 and 0.3, cross-entropy as distance",
        "RR+RA, f5",  # in no row of a grid, only compared with
        "BI-R+SI",
        "mine, weight 10, c = 3,000",
    ]
    assert row_names(planned(plan), planned(plan).grids["one"])[0] == "RR+RA"


def test_rows_are_named_by_what_tells_them_apart():
    settings = [{"training.iterations": 50}, {"training.iterations": 50, "method.reading.competitors": "random"}]
    rows = [{"cell": f"rr-ra{number}", "settings": own} for number, own in enumerate(settings)]
    plan = planned({"cells": {row["cell"]: {"arm": "rr-ra"} for row in rows}, "grids": {"g": rows}})
    assert row_names(plan, plan.grids["g"]) == ["RR+RA", "random competitors"]
    twice = planned({"cells": {row["cell"]: {"arm": "rr-ra"} for row in rows}, "grids": {"g": [rows[0], rows[0]]}})
    assert row_names(twice, twice.grids["g"]) == ["rr-ra0", "rr-ra0"]


def test_settings_that_end_alike_are_told_apart():
    settings = [{"model.units": 50, "method.f": 5}, {"method.units": 50}, {"model.units": 50, "method.units": 60}]
    rows = [{"cell": f"mine{number}", "settings": own} for number, own in enumerate(settings)]
    plan = planned({"cells": {row["cell"]: {"arm": "mine"} for row in rows}, "grids": {"g": rows}})
    assert row_names(plan, plan.grids["g"]) == [
        "model.units = 50, f = 5",
        "method.units = 50",
        "model.units = 50, method.units = 60",
    ]


def test_a_cell_that_is_compared_with_its_own_arm_says_in_what_it_differs():
    def cell(arm, **method):
        return {"arm": arm, "config": {"method": method, "compute": {"precision": method.pop("precision", "fp32")}}}

    cells = {
        "bir-si": cell("bir-si"),
        "half": cell("bir-si", precision="bf16"),
        "rr-ra": cell("rr-ra", f=20),
        "rr-ra-half": cell("rr-ra", f=20, precision="bf16"),
        "f5": cell("rr-ra", f=5),
        "no-f": cell("rr-ra", f=None),
    }
    half, five = {"compute.precision": "bf16"}, {"method.f": 5}
    grids = {
        "precision": [
            {"cell": "half", "settings": half, "baseline": "bir-si"},
            {"cell": "rr-ra-half", "settings": half, "baseline": "rr-ra"},
        ],
        "f": [{"cell": "f5", "settings": five, "baseline": "no-f"}],
        "others": [{"cell": "f5", "settings": five, "baseline": "bir-si"}],
    }
    plan = planned({"cells": cells, "grids": grids})
    names = {grid: row_names(plan, rows) for grid, rows in plan.grids.items()}
    assert names["precision"] == ["BI-R+SI, bf16 instead of fp32", "RR+RA, bf16 instead of fp32"]
    assert names["f"] == ["f = 5 instead of none"]
    assert names["others"] == ["RR+RA"]


def test_controls_are_grey_whatever_their_arm():
    cells = {
        "ra": {"arm": "ra", "config": {"method": {"lambda_rr": 0, "lambda_ra": 1}}},
        "zero": {"arm": "ra", "config": {"method": {"lambda_rr": 0, "lambda_ra": 0}}},
    }
    plan = planned({"cells": cells, "study": {"baseline": "bir-si", "treatment": "ra"}})
    assert cell_colours(plan) == {"ra": LOOKS["ra"]["colour"], "zero": NEUTRAL}


@pytest.mark.parametrize(
    ("value", "text"), [(0.1, "0.1"), (300, "300"), (5000, "5,000"), (1e4, "1e4"), (1e8, "1e8"), (25000, "2.5e4")]
)
def test_numbers_are_short(value, text):
    assert sheet.short_number(value) == text


# ---------------------------------------------------------------- which figures a study has


def test_a_study_may_say_how_a_grid_is_drawn():
    plan, _ = sizes()
    assert figures_of(planned(plan))["g"][0].name == "scale"
    plan["study"]["figures"] = {"g": "comparison"}
    assert figures_of(planned(plan))["g"][0].name == "comparison"


@pytest.mark.parametrize(("kind", "draws"), [(q, "draw") for q in QUESTIONS] + [(f, "of_study") for f in WHOLE_STUDY])
def test_every_kind_of_figure_is_a_module_with_its_caption(kind, draws):
    assert callable(getattr(import_module(f"exaggerated_replay.figures.{kind.name}"), draws))
    assert caption(kind.name, planned({}))


def test_every_question_with_a_table_has_what_makes_and_what_shows_it_and_no_other_has():
    assert ANSWERS.keys() == KINDS.keys() == {question.table for question in QUESTIONS if question.table}


@pytest.mark.parametrize("table", KINDS)
def test_what_makes_and_what_shows_a_table_is_whole(table):
    assert callable(ANSWERS[table])
    shown = KINDS[table]
    assert shown.NOTE and callable(shown.headings) and callable(shown.rows) and callable(shown.clause)


def test_a_small_picture_looks_the_same_in_half_the_bytes_at_most(tmp_path):
    saving.save(FIGURES["dose"](), [tmp_path / "large.png"])
    for name in ("one", "two"):
        saving.small_picture(tmp_path / "large.png", tmp_path / f"{name}/small.png")
    assert (tmp_path / "one/small.png").read_bytes() == (tmp_path / "two/small.png").read_bytes()
    assert (tmp_path / "one/small.png").stat().st_size < (tmp_path / "large.png").stat().st_size / 2
    files = (tmp_path / "large.png", tmp_path / "one/small.png")
    before, after = (np.asarray(Image.open(file).convert("RGB"), float) for file in files)
    assert before.shape == after.shape
    assert np.abs(before - after).mean() < 1  # of 255
    assert np.quantile(np.abs(before - after), 0.99) < 16
    _, place, counts = np.unique(before.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    areas = (counts > 1000)[place.ravel()]  # a band that took another's tint would look like it
    assert np.abs(before - after).reshape(-1, 3)[areas].max() <= 2
    assert (counts > 1000).sum() > 5
