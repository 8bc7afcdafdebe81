"""Pages call classes by their names, where the settings of the data know them."""

import re
from pathlib import Path

import pytest
import yaml
from plans import CONF, PLAIN, digests, plan_with
from sample_report import plan_of
from studies import planned

from exaggerated_replay.analysis.study.study import open_study
from exaggerated_replay.analysis.words import class_name
from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.checking import check
from exaggerated_replay.report.page import write_report
from exaggerated_replay.settings.data import DatasetSettings

FOUR = ["cat", "dog", "a <b>", "bird"]
CONFUSIONS = """\
cell,true_class,assigned_class,seeds,baseline_percent,percent,difference,low,high
rr-ra,0,2,6,10.0,12.0,2.0,1.0,3.0
rr-ra,3,1,6,10.0,8.0,-2.0,-3.0,-1.0
"""


def of_conf(name):
    return yaml.safe_load((CONF / "dataset" / f"{name}.yaml").read_text(encoding="utf-8"))["dataset"]


def test_a_class_is_called_by_its_name_or_else_by_its_number():
    named = planned({"dataset": {"class_names": FOUR}})
    assert [class_name(named, number) for number in range(4)] == FOUR
    assert class_name(planned({}), 3) == "3"


def test_the_names_of_cifar_100_are_in_the_order_of_their_numbers():
    """The archive sorts its classes by name; which numbers a superclass has is published with their names."""
    conf = of_conf("cifar100")
    names = conf["class_names"]
    assert len(names) == conf["classes"] == 100 and names == sorted(names)
    assert [names[k] for k in conf["superclasses"][0]] == ["beaver", "dolphin", "otter", "seal", "whale"]
    assert [names[k] for k in conf["superclasses"][14]] == ["baby", "boy", "girl", "man", "woman"]
    assert [names[k] for k in conf["superclasses"][-1]] == ["lawn mower", "rocket", "streetcar", "tank", "tractor"]
    assert of_conf("fashion_mnist")["class_names"][9] == "Ankle boot"


def test_names_of_classes_decide_no_run():
    named = plan_with({"dataset.class_names": [*"abcdefghij"]}, grids={"g": PLAIN})
    assert digests(named, "rr-ra") == digests(plan_with(grids={"g": PLAIN}), "rr-ra")
    assert named.dataset.class_names == [*"abcdefghij"]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a", "b"], "class_names has 2 names, but there are 4 classes: name each of them, or set it to null"),
        (["a", "b", "a", "c"], "class_names has 'a' twice: give each class its own"),
        (["a", "b", " ", "c"], "class_names has ' ': use printable characters"),
        (["a", "b", "c\n", "d"], r"class_names has 'c\n': use printable characters"),
        (["a", "b", 3, "d"], "class_names.2 is 3: it must be text"),
    ],
    ids=str,
)
def test_names_that_are_no_names_of_all_classes_are_refused(names, told):
    values = {"name": "x", "reader": "npz", "files": {"a": ""}, "tasks": 2, "classes": 4, "image_values": 1}
    with pytest.raises(UserError, match=re.escape(told)):
        check(DatasetSettings, {**values, "class_names": names})


def test_confusions_are_told_by_name(written):
    plan = plan_of()
    plan["dataset"]["class_names"] = FOUR
    folder: Path = written(plan)
    (folder / "mechanism").mkdir()
    (folder / "mechanism/confusions.csv").write_text(CONFUSIONS)
    study = open_study(folder)
    assert study.plan.dataset.class_names == FOUR
    write_report(study, folder)
    text = (folder / "report.html").read_text()
    assert "<tr><td>cat</td><td>a &lt;b&gt;</td><td>10.0\N{NO-BREAK SPACE}%</td>" in text
    assert "<tr><td>bird</td><td>dog</td><td>10.0\N{NO-BREAK SPACE}%</td>" in text
