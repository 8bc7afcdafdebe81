"""Letters that the font of figures lacks are named when a study is composed, and not once for every figure."""

import warnings

import pytest
from sample_figures import study
from studies import made

from exaggerated_replay.figures.letters import remarks_on_letters
from exaggerated_replay.figures.saving import save
from exaggerated_replay.figures.sheet import nothing


def labelled(label):
    plan, runs = study()
    return made(plan | {"arms": {"rr-ra": {"label": label}}}, runs)


@pytest.mark.parametrize(
    "label",
    ["RR+RA", "_x", "\N{GREEK SMALL LETTER LAMDA} = 0, \N{RIGHTWARDS ARROW} \N{LATIN SMALL LETTER U WITH DIAERESIS}"],
)
def test_a_label_that_the_font_can_write_needs_no_remark(label):
    assert remarks_on_letters(labelled(label).plan) == []


def test_the_letters_that_it_lacks_are_named_with_their_arm():
    (said,) = remarks_on_letters(labelled("ours \u65b9\u6cd5 (\N{GREEK SMALL LETTER BETA})").plan)
    assert said.startswith("The font of figures lacks \u65b9\u6cd5, in the label of rr-ra, and boxes stand there")


def test_figures_are_drawn_without_a_word_about_them(tmp_path):
    with warnings.catch_warnings(action="error"):
        figure = nothing()
        figure.text(0, 0, "\u65b9")
        save(figure, [tmp_path / "a.png", tmp_path / "a.pdf", tmp_path / "a.svg"])
