"""Whatever is wrong in params.yaml is said in one sentence that names the key."""

import copy
import functools
import math
import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exaggerated_replay.errors import UserError
from exaggerated_replay.planning.compose import compose_values
from exaggerated_replay.planning.params import check_params, read_params
from exaggerated_replay.planning.plan import make_plan

REPOSITORY = Path(__file__).parents[2]
GONE = object()


@functools.cache
def composed():
    return compose_values(REPOSITORY / "conf", ["dataset=digits", "study=default"])


def edited(key, value):
    """Valid values with one dotted key changed, added or taken away."""
    values = copy.deepcopy(composed())
    *path, last = key.split(".")
    holder = functools.reduce(lambda inner, part: inner[part], path, values)
    if value is GONE:
        del holder[last]
    else:
        holder[last] = value
    return values


def refusal(values):
    with pytest.raises(UserError) as caught:
        make_plan(check_params(values))
    message = str(caught.value)
    assert "\n" not in message
    return message


def mappings(values, where=""):
    """Dotted paths of all mappings of fixed keys (arms, files, grids, figures and weights are named by the user)."""
    for key, value in values.items():
        if isinstance(value, dict):
            path = f"{where}{key}"
            if key not in ("arms", "files", "grids", "acting", "figures"):
                yield path
            yield from mappings(value, f"{path}.")


def leaves(values, where=""):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{where}{key}.")
        elif key[-3:] != ".gz" and ".f" not in key:
            yield f"{where}{key}"


def test_values_that_are_right_are_taken_over():
    params = check_params(composed())
    assert params.training.learning_rate == 0.001
    assert params.arms["er"].method.memory_per_class == 20
    assert params.arms["rr-ra"].method.si.damping == 0.1
    assert params.reading.competitors == "runner_up"


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        # no such thing
        ("arms.er.method", "replay", "arms.er.method is 'replay', which is not a method: choose one of bir, dgr"),
        ("dataset.name", "../x", "dataset: name is '../x': use letters, digits, dashes and underscores only"),
        ("dataset.reader", "parquet", "dataset: reader is 'parquet', which is not a format that can be read"),
        ("reading.distance", "cosine", "reading.distance is 'cosine': choose 'model', 'squared' or 'bce'"),
        ("reading.confidence", False, "reading.confidence is false: choose 'off'"),
        ("arms.bir.mixture_prior", "mean", "arms.bir.mixture_prior is 'mean': choose 'largest' or 'logsumexp'"),
        ("compute.device", "tpu", "compute.device is 'tpu': choose 'auto', 'cpu' or 'cuda'"),
        ("compute.precision", "fp8", "compute.precision is 'fp8'"),
        ("study.baseline", "birsi", "study.baseline is 'birsi', which is not an arm: choose one of none, joint"),
        ("study.treatment", "rra", "study.treatment is 'rra', which is not an arm"),
        ("focus", "rra", "focus is 'rra', which is not a cell of this study: choose one of bir-si, rr-acting"),
        # misspelt
        ("training.iteratons", 3, "training.iteratons is not a setting: did you mean iterations?"),
        ("arms.rr-ra.lamda_rr", 3, "arms.rr-ra.lamda_rr is not a setting: did you mean lambda_rr?"),
        ("arms.rr-ra.si.strenght", 3, "arms.rr-ra.si.strenght is not a setting: did you mean strength?"),
        ("reading.competitor", "all", "reading.competitor is not a setting: did you mean competitors?"),
        ("focuss", "rr-ra", "focuss is not a setting: did you mean focus?"),
        ("arms.er.strength", 1, "arms.er.strength is not a setting: remove it, or check its spelling"),
        # missing
        ("study", GONE, "study is missing"),
        ("training.iterations", GONE, "training.iterations is missing"),
        ("arms", GONE, "arms must be a mapping"),
        ("arms.er.method", GONE, "arms.er.method is missing"),
        ("arms.rr-ra.f", GONE, "arms.rr-ra.f is missing"),
        ("arms.er", None, "arms.er.method is missing"),
        # of the wrong type
        ("training.iterations", "abc", "training.iterations is 'abc': it must be a whole number"),
        ("training.iterations", 1.5, "training.iterations is 1.5: it must be a whole number"),
        ("training.learning_rate", "fast", "training.learning_rate is 'fast': it must be a number"),
        ("training.batch", None, "training.batch is null: it must be a whole number"),
        ("dataset.files", None, "dataset.files is null: it must be a mapping of settings"),
        ("study.grids.table1", [{"arm": "rr-ra"}], "study.grids.table1.0.arm must be a list of at least one value"),
        ("arms", [], "arms must be a mapping"),
        # out of bounds
        ("arms.rr-ra.f", 0.99, "arms.rr-ra.f is 0.99: it must be at least 1, or 'none'"),
        ("arms.rr-ra.f", math.nan, "arms.rr-ra.f is nan: it must be a finite number, or 'none'"),
        ("arms.rr-ra.lambda_rr", -1e-9, "arms.rr-ra.lambda_rr is -1e-09: it must be at least 0"),
        ("arms.ra.lambda_ra", -1, "arms.ra.lambda_ra is -1: it must be at least 0"),
        ("arms.bir.lambda_rec", -1, "arms.bir.lambda_rec is -1: it must be at least 0"),
        ("arms.bir-si.si.strength", -1, "arms.bir-si.si.strength is -1: it must be at least 0"),
        ("arms.ewc.strength", -1, "arms.ewc.strength is -1: it must be at least 0"),
        ("arms.bir.gate_proportion", 1, "arms.bir.gate_proportion is 1: it must be less than 1"),
        ("arms.bir.temperature", 0, "arms.bir.temperature is 0: it must be greater than 1e-12"),
        ("training.batch", True, "training.batch is true: it must be a whole number"),
        ("training.learning_rate", "1e-6", "training.learning_rate is '1e-6': it must be a number"),
        ("model.units", 10**12, "model.units is 1000000000000: it must be at most 1000000000"),
        ("training.batch", 0, "training.batch is 0: it must be at least 1"),
        ("training.learning_rate", 0, "training.learning_rate is 0: it must be greater than 1e-12"),
        ("study.seeds", 0, "study.seeds is 0: it must be at least 1, or a list, or text"),
        ("study.grids", {}, "study: grids is empty"),
        ("compute.threads", 0, "compute.threads is 0: it must be at least 1"),
        ("dataset.tasks", 20, "dataset.tasks is 20, but the 10 classes cannot be divided equally"),
        ("dataset.tasks", 3, "dataset.tasks is 3, but the 10 classes cannot be divided equally"),
        ("dataset.tasks", 0, "dataset.tasks is 0: it must be at least 1, or a list, or text"),
        ("dataset.files", {}, "dataset: source is missing: name a file"),
        ("dataset.mean", [0.5, 0.5, 0.5], "dataset: give both mean and std, or neither"),
        ("dataset.mean", ["0.5", 0.5, 0.5], "dataset.mean.0 is '0.5': it must be a number"),
        ("dataset.std", [0.5, True, 0.5], "dataset.std.1 is true: it must be a number"),
        ("encoder.deviation", 0, "encoder.deviation is 0: it must be greater than 1e-12"),
        ("encoder.weights", "a.safetensors", "dataset.mean and dataset.std are missing: the encoder needs"),
    ],
)
def test_a_bad_setting_is_named(key, value, told):
    assert told in refusal(edited(key, value))


@pytest.mark.parametrize("value", ["one", None, [20]])
def test_a_factor_that_is_no_number_is_named_by_its_key_and_by_nothing_else(value):
    message = refusal(edited("arms.rr-ra.f", value))
    assert f"arms.rr-ra.f is {'null' if value is None else repr(value)}: " in message
    assert message.endswith("it must be a number, or 'none'")


@pytest.mark.parametrize("key", ["arms.rr-ra.f", "arms.rr-ra.lambda_rr", "training.learning_rate", "arms.ewc.strength"])
def test_an_infinite_number_is_refused(key):
    assert key.rsplit(".")[-1] in refusal(edited(key, math.inf))


def test_a_list_where_a_name_belongs_is_refused():
    assert "arms.er.method" in refusal(edited("arms.er.method", ["er"]))
    assert "study.grids.table1" in refusal(edited("study.grids.table1", [{"arm": [["rr-ra"]]}]))


@pytest.mark.parametrize("f", [1, 1.0, 20, "none"])
def test_a_factor_of_one_or_more_and_none_are_accepted(f):
    assert check_params(edited("arms.rr-ra.f", f)).arms["rr-ra"].method.f == f


def test_whole_numbers_and_decimals_of_equal_value_are_the_same_setting():
    assert check_params(edited("arms.rr-ra.lambda_rr", 0)) == check_params(edited("arms.rr-ra.lambda_rr", 0.0))
    assert check_params(edited("arms.rr-ra.f", 20)) == check_params(edited("arms.rr-ra.f", 20.0))


def test_a_set_with_as_many_classes_as_its_file_has_needs_no_number():
    values = edited("dataset", {"name": "npz", "reader": "npz", "source": "mine.npz", "tasks": 7})
    assert check_params(values).dataset.classes is None


def test_more_than_one_problem_is_counted_and_a_misspelling_comes_first():
    values = edited("training.iterations", GONE)
    values["training"]["iteratons"] = 3
    assert refusal(values) == "params.yaml: training.iteratons is not a setting: did you mean iterations? (and 1 more)"


@pytest.mark.parametrize("values", [None, [], "text", 3])
def test_anything_but_a_mapping_is_refused(values):
    with pytest.raises(UserError, match=r"^params.yaml must be a mapping of settings$"):
        check_params(values)


def test_there_are_mappings_and_leaves_to_spoil():
    assert {"dataset", "training", "reading", "arms.er", "arms.rr-ra.si"} <= set(mappings(composed()))
    assert {"focus", "study.seeds", "arms.rr-ra.si.strength"} <= set(leaves(composed()))


@given(st.data())
@settings(derandomize=True, max_examples=40)
def test_a_key_that_does_not_exist_is_named_wherever_it_stands(data):
    where = data.draw(st.sampled_from(sorted({*mappings(composed())} - {"methods"})))  # whose keys are anybody's
    name = data.draw(st.text("abcdefg_", min_size=8, max_size=12))
    assert f"params.yaml: {where}.{name} is not a setting" in refusal(edited(f"{where}.{name}", 1))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 30)
    | st.floats(-99, 99)
    | st.sampled_from([math.inf, -math.inf, math.nan])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@given(
    row=st.dictionaries(
        st.sampled_from(["arm", "method.f", "method.si", "method", "model.units", "training", "method.reading", "x.y"]),
        st.lists(JSON, max_size=2),
    )
)
@example(row={"arm": ["rr-ra"], "method": ["er"]})
@example(row={"arm": ["rr-ra"], "method.si": [3]})
@example(row={"arm": ["rr-ra"], "method.method": ["er"]})
@settings(derandomize=True, max_examples=100, deadline=None)
def test_any_row_of_a_grid_gives_runs_with_names_or_one_sentence(row):
    try:
        plan = make_plan(check_params(edited("study.grids.more", [{"arm": ["rr-ra"], **row}])))
    except UserError as error:
        assert "\n" not in str(error)
    else:
        assert all(run.directory.name for run in plan.runs)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "`exaggerated-replay compose` writes it"),
        ("a: [", "is not valid YAML: line 1, column 5: expected"),
        ("3", "must be a mapping"),
    ],
)
def test_a_params_file_that_cannot_be_read_is_told_in_a_sentence(tmp_path, text, told):
    path = tmp_path / "params.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=re.escape(told)) as refused:
        read_params(path)
    assert "\n" not in str(refused.value)
