"""What arms are called and their colours, one of each label: they reach figures through the plan, and decide no run."""

import copy
import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest
from plans import PLAIN, composed, digests, plan_with, values_with
from studies import planned

from exaggerated_replay.analysis.names import cell_name
from exaggerated_replay.errors import UserError
from exaggerated_replay.figures.colours import NEUTRAL, arm_colours
from exaggerated_replay.planning.looks import OTHERS, looks_of
from exaggerated_replay.planning.params import check_params
from exaggerated_replay.planning.plan import make_plan
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.settings.arms import LONGEST, Appearance

MINE = {"label": "My method", "colour": "#0A0b0c"}
TWO = {"bir-si": {"label": "BI-R+SI", "colour": "#34495e"}, "rr-ra": {"label": "RR+RA", "colour": "#d55e00"}}


def written(**changes):
    """A plan as its file holds it, with other arms."""
    values = copy.deepcopy(StudyPlan.to_dict(plan_with(grids={"g": PLAIN})))
    values["arms"] |= changes
    return values


def read(values):
    return StudyPlan.from_dict(values, None, Path("plan.json"))


def test_a_plan_holds_the_looks_of_the_arms_that_it_shows_and_of_no_others():
    values = written()
    assert values["arms"] == TWO
    assert StudyPlan.to_dict(read(values))["arms"] == TWO
    assert {*composed("table1")["arms"]} > {*TWO}


def test_an_arm_is_called_and_coloured_as_params_yaml_says_and_its_runs_are_the_same():
    named = plan_with({"arms.rr-ra.label": MINE["label"], "arms.rr-ra.colour": MINE["colour"]}, grids={"g": PLAIN})
    assert cell_name(named, "rr-ra") == "My method"
    assert arm_colours(named) == {"bir-si": "#34495e", "rr-ra": "#0a0b0c"}
    plain = plan_with(grids={"g": PLAIN})
    assert digests(named, "rr-ra") == digests(plain, "rr-ra")
    assert named.cells == plain.cells
    assert not {"label", "colour"} & named.cells["rr-ra"].config["method"].keys()


def test_an_arm_that_says_nothing_is_called_by_its_name_and_has_a_colour_of_its_own():
    values = values_with({"arms.mine": {"method": "joint"}}, grids={"g": [{"arm": ["bir-si", "rr-ra", "mine"]}]})
    plan = make_plan(check_params(values))
    assert (plan.arms["mine"].label, plan.arms["mine"].colour) == ("mine", OTHERS[0])


def test_no_two_arms_of_a_plan_share_a_colour():
    asked = {
        "b": Appearance(colour="#D55E00"),
        "a": Appearance(colour="#d55e00"),  # taken by the one before it
        "c": Appearance(colour=OTHERS[0]),
        "unused": Appearance(colour=OTHERS[1]),
        **{f"more{number}": Appearance() for number in range(30)},
    }
    looks = looks_of(asked, asked.keys() - {"unused"})
    assert (looks["b"].colour, looks["c"].colour, looks["a"].colour) == ("#d55e00", OTHERS[0], OTHERS[1])
    assert [looks[f"more{number}"].colour for number in (0, 1, 10)] == [*OTHERS[2:5]]
    colours = [look.colour for look in looks.values()]
    assert len({*colours}) == len(colours) == 33
    assert list(looks) == sorted(looks)


def test_arms_of_one_label_share_the_colour_of_the_first_of_them():
    asked = {
        "b": Appearance(label="B", colour="#0000ff"),
        "b-strong": Appearance(label="B", colour="#00ff00"),
        "b-plain": Appearance(label="B"),
        "c": Appearance(label="C", colour="#00ff00"),  # which no label has
        "d": Appearance(label="D"),
        "d-strong": Appearance(label="D"),
    }
    colours = {name: look.colour for name, look in looks_of(asked, asked.keys()).items()}
    assert [colours.pop(name) for name in ("b", "b-plain", "b-strong")] == ["#0000ff"] * 3
    assert colours == {"c": "#00ff00", "d": OTHERS[0], "d-strong": OTHERS[0]}
    assert looks_of(asked, {"b-strong", "b-plain"})["b-plain"].colour == "#00ff00"


def test_conf_gives_every_label_a_colour_of_its_own_and_no_two():
    said = {(arm["label"], arm["colour"]) for arm in composed("table1")["arms"].values()}
    labels, colours = zip(*said, strict=True)
    assert len({*colours}) == len({*labels}) == len(said)
    parts = [[int(colour[start : start + 2], 16) for start in (1, 3, 5)] for colour in colours]
    assert min(sum(abs(x - y) for x, y in zip(a, b, strict=True)) for a, b in itertools.combinations(parts, 2)) > 40


# How dichromats see linear RGB: Machado, Oliveira and Fernandes (2009), severity 1.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def lab(colour, sight):
    """CIE L*a*b* of a colour as somebody sees it."""
    rgb = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(np.array(sight) @ linear, 0, 1) / TO_XYZ.sum(axis=1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("sight", SIGHTS.values(), ids=SIGHTS)
def test_what_the_papers_figures_show_is_told_apart_by_colour_blind_readers(sight):
    arms = composed("table1")["arms"]
    colours = [arms[arm]["colour"] for arm in ("bir-si", "rr", "ra", "rr-ra", "ra-stored")] + [NEUTRAL]
    seen = [lab(colour, sight) for colour in colours]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 15


def test_a_plan_may_hold_arms_of_one_label_in_one_colour_or_in_two():
    looks = {"rr-ra": TWO["rr-ra"], "bir-si": {**TWO["rr-ra"], "colour": "#000000"}}
    assert StudyPlan.to_dict(read({**written(), "arms": looks}))["arms"] == looks
    looks["bir-si"] = TWO["rr-ra"]
    assert StudyPlan.to_dict(read({**written(), "arms": looks}))["arms"] == looks


def test_arms_of_one_label_are_told_apart_by_their_weights_or_else_by_their_names():
    method = {"lambda_rr": 1e-6, "lambda_ra": 1e-6}
    cells = {
        "rr-ra": {"config": {"method": method}},
        "rr-ra-acting": {"config": {"method": {"lambda_rr": 1e-5, "lambda_ra": 1}}},
    }
    names = [cell_name(planned({"cells": cells}), cell) for cell in cells]
    assert names == ["RR+RA", "RR+RA, weights 1e-5 and 1"]
    cells = {"rr-ra": {"config": {"method": method}}, "mine": {"config": {"method": method}}}
    plan = planned({"cells": cells, "arms": {"mine": {"label": "RR+RA"}}})
    assert [cell_name(plan, cell) for cell in cells] == ["RR+RA (rr-ra)", "RR+RA (mine)"]


@pytest.mark.parametrize(
    ("look", "told"),
    [
        ({"colour": "red"}, "arms.rr-ra: colour is 'red': write it as #rrggbb, such as '#d55e00'"),
        ({"colour": "#d55e0"}, "arms.rr-ra: colour is '#d55e0': write it"),
        ({"colour": "#d55e00\n"}, r"arms.rr-ra: colour is '#d55e00\n': write it"),
        ({"label": ""}, f"arms.rr-ra: label is '': use 1 to {LONGEST} printable characters"),
        ({"label": " a"}, "arms.rr-ra: label is ' a': use 1 to"),
        ({"label": "a\nb"}, r"arms.rr-ra: label is 'a\nb': use 1 to"),
        ({"label": "a" * (LONGEST + 1)}, "use 1 to"),
    ],
    ids=str,
)
def test_what_is_no_label_and_no_colour_is_refused_in_params_yaml_and_in_a_plan(look, told):
    with pytest.raises(UserError, match=re.escape(told)) as caught:
        check_params(values_with({f"arms.rr-ra.{key}": value for key, value in look.items()}))
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=re.escape(f"plan.json: {told}" if "arms" in told else told)):
        read(written(**{"rr-ra": {**MINE, **look}}))


@pytest.mark.parametrize(("key", "value"), [("label", 7), ("colour", 7), ("label", ["a"])])
def test_a_label_and_a_colour_in_params_yaml_are_text(key, value):
    with pytest.raises(UserError, match=rf"arms\.rr-ra\.{key} is .*: it must be text"):
        check_params(values_with({f"arms.rr-ra.{key}": value}))


@pytest.mark.parametrize(
    ("arms_of_plan", "told"),
    [
        ({"bir-si": TWO["bir-si"]}, "plan.json: arms has no rr-ra, which the plan uses"),
        ({**TWO, "rr-ra": {"label": "x"}}, "plan.json: arms.rr-ra: it takes a label and a colour, and nothing else"),
        ({**TWO, "rr-ra": {**MINE, "size": 3}}, "plan.json: arms.rr-ra: it takes a label and a colour"),
        ({**TWO, "rr-ra": {**MINE, "label": None}}, "plan.json: arms.rr-ra: label is None"),
        ({**TWO, "rr-ra": "red"}, "plan.json: arms.rr-ra: it takes a label"),
        ({**TWO, "rr-ra": {**MINE, "colour": "#34495E"}}, "arms bir-si and rr-ra have one colour, #34495E"),
        ([], "plan.json is not as the workflow writes it"),
    ],
    ids=str,
)
def test_a_plan_whose_looks_are_not_as_they_must_be_is_refused(arms_of_plan, told):
    values = json.loads(json.dumps(written()))
    values["arms"] = arms_of_plan
    with pytest.raises(UserError, match=re.escape(told)):
        read(values)
