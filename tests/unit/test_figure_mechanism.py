"""The figure of mechanism: it draws what the tables say, legibly, and says where there is nothing."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from sample_figures import words, written
from studies import LOOKS, planned

from exaggerated_replay.errors import UserError
from exaggerated_replay.figures import mechanism, saving
from exaggerated_replay.figures.colours import TREATMENT

LONG = {"method.reading.attraction_target": "random", "method.si.strength": 3000}
SETTINGS = {"bir-si": {}, "rr-ra": {}} | {
    f"ra-lambda_ra{k}-attraction_target-random-strength3000": {"method.lambda_ra": k} | LONG for k in range(1, 7)
}
CELLS = tuple(SETTINGS)
PLAN = {
    "focus": "rr-ra",
    "study": {"baseline": "bir-si"},
    "cells": {cell: {"arm": cell.partition("-lambda")[0], "config": {"model": {"units": 200}}} for cell in CELLS},
    "grids": {
        "dose": [
            {"cell": cell, "settings": settings, "baseline": None if cell == "bir-si" else "bir-si"}
            for cell, settings in SETTINGS.items()
        ]
    },
}


def changed(frame, noise):
    """Add differences from the baseline with their intervals; the baseline has none from itself."""
    difference = np.where(frame["cell"] == "bir-si", np.nan, noise.uniform(-1, 1, len(frame)))
    return frame.assign(difference=difference, low=difference - 0.1, high=difference + 0.1)


def tables(cells=CELLS, tasks=4):
    """Return tables of noise; the later a cell comes, the less similar its hidden layer."""
    noise = np.random.default_rng(0)
    places = [(cell, task) for cell in cells for task in range(1, tasks + 1)]
    frame = pd.DataFrame(places, columns=["cell", "task"]).assign(seeds=5)
    n = len(frame)
    spaces = [
        changed(frame.assign(space=space, competing=noise.uniform(0.5, 1, n)), noise)
        for space in ("hidden", "reconstruction")
    ]
    cka = 1 - 0.1 * frame["cell"].map(CELLS.index) - 0.01 * frame["task"]
    ratio = np.where(frame["cell"] == "bir-si", np.nan, noise.uniform(1e-6, 1, n))
    return {
        "distances": pd.concat(spaces),
        "similarity": frame.assign(cka=cka, low=cka - 0.05, high=cka + 0.05)[frame["cell"] != "bir-si"],
        "replay_quality": changed(frame.assign(frechet=1.0), noise).rename(columns={"task": "age"}),
        "gradients": frame.assign(repulsion_to_reconstruction=ratio, attraction_to_reconstruction=0.0),
    }


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The figure, as it is saved, and its SVG file."""
    target = tmp_path_factory.mktemp("mechanism") / "figure.svg"
    saving.save(figure := mechanism.draw(planned(PLAN), tables()), [target])
    return figure, target


def test_shown_are_the_focus_and_the_least_similar_cells():
    shown = mechanism.chosen_cells(planned(PLAN), tables())
    assert shown == ["rr-ra", *(f"ra-lambda_ra{k}-attraction_target-random-strength3000" for k in (6, 5, 4))]


def test_cells_of_one_arm_share_its_colour_and_differ_in_their_lines():
    looks = mechanism.looks_of(planned(PLAN), CELLS[1:5])
    assert [look["color"] for look in looks.values()] == [TREATMENT, *[LOOKS["ra"]["colour"]] * 3]
    assert len({(look["color"], look["linestyle"], look["marker"]) for look in looks.values()}) == 4


def test_the_key_shows_which_line_is_the_focus_and_says_how_many_seeds_a_band_is_of(drawn):
    figure, _ = drawn
    (key,) = figure.legends
    widths = [line.get_linewidth() for line in key.get_lines()]
    assert widths[0] > max(widths[1:]) and len(widths) == mechanism.MOST
    assert "95 % confidence interval, 5 seeds" in written(figure)


def test_networks_of_the_size_of_the_focus_are_shown_first():
    last = CELLS[-1]
    small = PLAN["cells"] | {last: {"arm": "ra", "config": {"model": {"units": 100}}}}
    shown = list(mechanism.chosen_cells(planned(PLAN | {"cells": small}), tables()))
    assert len(shown) == mechanism.MOST
    assert last not in shown
    shown = mechanism.chosen_cells(planned(PLAN | {"cells": small}), tables((*CELLS[:3], last)))
    assert shown == [*CELLS[1:3], last]  # where there is room


def test_lines_are_the_tables():
    found = tables(CELLS[:2])
    figure = mechanism.draw(planned(PLAN), found)
    by_panel = zip(
        figure.axes,
        ("distances", "distances", "similarity", "replay_quality", "gradients"),
        ("difference", "difference", "cka", "difference", "repulsion_to_reconstruction"),
        strict=False,
    )
    for number, (axes, table, column) in enumerate(by_panel):
        values = found[table]
        if table == "distances":
            values = values[values["space"] == ("hidden", "reconstruction")[number]]
        drawn = [line.get_ydata() for line in axes.lines if to_hex(line.get_color()) == TREATMENT]
        np.testing.assert_array_equal(drawn[0], values.loc[values["cell"] == "rr-ra", column])


def test_a_loss_without_weight_is_not_drawn_and_the_panel_says_so(drawn):
    figure, _ = drawn
    assert not figure.axes[5].lines  # the ratio of attraction is 0 throughout
    assert [text.get_text() for text in words(figure)].count("nothing to show") == 1


def test_what_has_no_table_is_said_to_have_nothing():
    figure = mechanism.draw(planned(PLAN), {"distances": tables()["distances"]})
    assert [text.get_text() for text in words(figure)].count("nothing to show") == 4


def test_without_traces_there_is_no_figure():
    with pytest.raises(UserError, match="no run of the study has traces"):
        mechanism.draw(planned(PLAN), {})


def test_words_are_legible_stay_on_the_page_and_off_each_other(drawn):
    figure, _ = drawn
    figure.draw_without_rendering()  # the file's resolution was another
    assert {"RR+RA", "RA, to a random class, c = 3,000"} <= written(figure)
    assert min(text.get_fontsize() for text in words(figure)) >= 7
    shown = [text for text in words(figure) if text not in beyond_the_axes(figure)]
    boxes = [(text.get_text(), text.get_window_extent()) for text in shown]
    page = figure.bbox.padded(0.5)
    for number, (one, box) in enumerate(boxes):
        assert page.contains(*box.min) and page.contains(*box.max), f"{one!r} leaves the page"
        for other, there in boxes[number + 1 :]:
            assert not box.padded(-0.5).overlaps(there.padded(-0.5)), f"{one!r} lies on {other!r}"


def beyond_the_axes(figure):
    """Return the labels of ticks beyond an axis, which exist but are not drawn."""
    hidden = []
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
            hidden += [part for t in ticks if not low <= t.get_loc() <= high for part in (t.label1, t.label2)]
    return hidden


def test_files_are_byte_identical(drawn, tmp_path):
    _, before = drawn
    saving.save(mechanism.draw(planned(PLAN), tables()), [tmp_path / "figure.svg"])
    assert (tmp_path / "figure.svg").read_bytes() == before.read_bytes()
