"""Runs that are compared are computed on one class of device, and that is asked before they are."""

import pytest
from studies import planned, whole

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_json
from exaggerated_replay.store.pairs import check_device

PLAN = planned(
    {
        "cells": {
            "base": {"runs": [{"directory": "b0"}, {"directory": "b1"}]},
            "new": {"runs": [{"directory": "n0"}, {"directory": "n1"}]},
            "alone": {"runs": [{"directory": "a0"}]},
        },
        "grids": {"g": [{"cell": "base"}, {"cell": "new", "baseline": "base"}, {"cell": "alone"}]},
    }
)


@pytest.fixture
def ask(tmp_path):
    """Ask whether some runs may be computed on a device, where a run of the baseline was computed on a GPU."""
    write_json(tmp_path / "b0/record.json", whole({"environment": {"device": "cuda", "torch": "2.0"}}))
    return lambda names, device: check_device(PLAN, [PLAN.named[name] for name in names], device, tmp_path)


@pytest.mark.parametrize("name", ["n0", "n1", "b1"])
def test_what_is_compared_with_a_run_is_computed_where_that_was(name, ask):
    ask([name], "cuda")
    with pytest.raises(UserError, match=r"^b0 was computed on cuda, and would .* on cpu: set compute\.device=cuda, or"):
        ask([name], "cpu")


@pytest.mark.parametrize("names", [["a0"], ["b0"], ["a0", "b0"], []])
def test_what_is_compared_with_nothing_and_what_is_finished_is_free(names, ask):
    ask(names, "cpu")
