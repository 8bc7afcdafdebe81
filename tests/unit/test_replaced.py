"""What is said of a study's folder that a plan would write anew: nothing where a run is shared, else what differs."""

import shutil
from pathlib import Path

import pytest

from exaggerated_replay.planning.compose import compose_values
from exaggerated_replay.planning.params import check_params
from exaggerated_replay.planning.plan import make_plan
from exaggerated_replay.store.replaced import remarks_on_results

ROOT = Path(__file__).parents[2]
BEGIN = "None of these runs is in {}, which the workflow will write anew; "


def planned(*options):
    return make_plan(check_params(compose_values(ROOT / "conf", [*options])))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["compute.threads=3"], "they differ in compute.threads: 1 there, 3 here."),
        (
            ["arms.bir-si.si.strength=7", "compute.threads=2"],
            "they differ in method.si.strength: 0.1 there, 7.0 here; compute.threads: 1 there, 2 here.",
        ),
        (["dataset=mnist"], "they differ in data, image_values, "),
        (["dataset.class_order=[0,2,1,3,4,5,6,7,8,9]"], "they differ in the classes of the tasks."),
        (["study.seeds=[1000,1001]"], "its cells or seeds are others."),
    ],
)
def test_what_makes_every_run_another_one_is_said(options, said):
    """Against results/default, of the digits, as it is committed."""
    (remark,) = remarks_on_results(planned(*options), ROOT / "results")
    assert remark.startswith(BEGIN.format(ROOT / "results/default") + said)


def test_nothing_is_said_where_a_run_is_shared_or_nothing_can_be_known(tmp_path):
    assert remarks_on_results(planned("study.seeds=1000"), ROOT / "results") == []
    assert remarks_on_results(planned(), tmp_path) == []
    shutil.copytree(ROOT / "results/default", tmp_path / "default")
    (tmp_path / "default/records.jsonl").write_text("{}\n")
    assert remarks_on_results(planned("compute.threads=3"), tmp_path) == []
