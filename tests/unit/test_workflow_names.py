"""Which names of Snakemake's are used is said in docs/explanation/architecture.md, a sentence each."""

import re
from pathlib import Path

import pytest

from exaggerated_replay.workflow.control import and_what_follows, one_sentence
from exaggerated_replay.workflow.names import DAG, Job, Options, Rule, Workflow

ROOT = Path(__file__).parents[2]


def test_every_name_is_explained_and_no_other():
    text = (ROOT / "docs/explanation/architecture.md").read_text(encoding="utf-8")
    table = text.partition("| name of Snakemake's | what for |")[2].partition("\n\n")[0]
    explained = {(of, name) for of, name in re.findall(r"`(\w+)\.(\w+)`", table)}
    used = {(of.__name__.lower(), name) for of in (Workflow, DAG, Options, Job, Rule) for name in names(of)}
    assert explained == used


def names(protocol):
    """Return the attributes and functions of a protocol."""
    functions = {name for name, value in vars(protocol).items() if callable(value) and not name.startswith("_")}
    return {*protocol.__annotations__, *functions}


def test_what_follows_from_a_rule_is_all_that_reads_its_files_at_any_remove():
    after_training = {"trained", "study"}
    assert and_what_follows(set()) == set()
    assert and_what_follows({"study"}) == {"study"}
    assert and_what_follows({"train"}) == {"train", *after_training}
    assert and_what_follows({"split"}) == {"split", "train", *after_training}
    assert and_what_follows({"pretrain"}) == {"pretrain", "features", "train", *after_training}
    assert and_what_follows({"download"}) == {
        "download", "verify", "split", "pretrain", "features", "train", *after_training
    }  # fmt: skip


def test_what_the_user_can_mend_ends_in_one_sentence_and_a_mistake_of_the_program_does_not(capsys):
    with pytest.raises(SystemExit) as ended, one_sentence():
        b"\xff".decode("utf-8")
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("exaggerated-replay: a text that was read or written is not in UTF-8")
    with pytest.raises(KeyError), one_sentence():
        {}["x"]
