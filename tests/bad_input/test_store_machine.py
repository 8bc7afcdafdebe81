"""The store of runs under everything that can happen to it: what is called right is, and a stranger's file stays."""

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from exaggerated_replay.errors import UserError
from exaggerated_replay.places import RECORD, TRACES, WEIGHTS
from exaggerated_replay.store.exchange import export_records, import_records
from exaggerated_replay.store.keeping import bring_back, set_aside, take_in
from exaggerated_replay.store.records import FILES, is_complete
from exaggerated_replay.store.verify import verify_runs
from tests.bad_input.place import lay_out, miscounted

RUNS = st.integers(0, 3)
FILE = st.sampled_from(FILES)


class Store(RuleBasedStateMachine):
    """Runs come, go and break; `finished` holds the four that there can be, as they were trained."""

    finished: Path

    def __init__(self):
        super().__init__()
        self.place = Path(tempfile.mkdtemp(prefix="store-"))
        self.runs, self.store, self.timings = (self.place / name for name in ("runs", "store", "timings"))
        self.names = sorted(path.name for path in self.finished.iterdir())
        self.records = [json.loads((self.finished / name / RECORD).read_text()) for name in self.names]
        self.strangers = {}
        self.runs.mkdir()
        self.before = Path.cwd()
        os.chdir(self.place)  # what is damaged is moved to .training/aside/ there

    def teardown(self):
        os.chdir(self.before)
        shutil.rmtree(self.place)

    def file(self, run, name):
        return self.runs / self.names[run] / name

    @rule(run=RUNS, files=st.integers(0, len(FILES)), in_store=st.booleans())
    def train(self, run, files, in_store):
        """A job ends, or is killed between two files, in the store or where it puts them."""
        target = (self.store if in_store else self.runs) / self.names[run]
        if is_complete(target):
            return
        target.mkdir(parents=True, exist_ok=True)
        for name in FILES[:files]:
            source = self.finished / self.names[run] / name
            if source.is_file():
                shutil.copyfile(source, target / name)

    @rule(run=RUNS, name=st.sampled_from([WEIGHTS, TRACES]), at=st.floats(0, 0.999), by=st.integers(1, 255))
    def corrupt(self, run, name, at, by):
        path = self.file(run, name)
        if path.is_file() and path.stat().st_size:
            content = bytearray(path.read_bytes())
            content[int(at * len(content))] ^= by
            path.write_bytes(content)

    @rule(run=RUNS, in_store=st.booleans())
    def miscount(self, run, in_store):
        """A digit of a record becomes another, and all counts still fit together."""
        path = (self.store if in_store else self.runs) / self.names[run] / RECORD
        if path.is_file():
            try:
                path.write_text(json.dumps(miscounted(json.loads(path.read_text()))))
            except ValueError:
                return  # it was cut
            assert not is_complete(path.parent) or json.loads(path.read_text()) in self.records
            assert verify_runs([path.parent])[0] or json.loads(path.read_text()) in self.records

    @rule(run=RUNS, name=FILE, share=st.floats(0, 0.99))
    def cut(self, run, name, share):
        path = self.file(run, name)
        if path.is_file():
            content = path.read_bytes()
            path.write_bytes(content[: int(share * len(content))])

    @rule(run=RUNS, name=FILE)
    def lose(self, run, name):
        if self.file(run, name).is_file():
            self.file(run, name).unlink()

    @rule(run=RUNS, other=RUNS, name=FILE)
    def confuse(self, run, other, name):
        """Another run's file comes into the place of this one's."""
        if self.file(run, name).is_file() and (self.finished / self.names[other] / name).is_file():
            shutil.copyfile(self.finished / self.names[other] / name, self.file(run, name))

    @rule(chosen=st.sets(RUNS, min_size=1))
    def import_some(self, chosen):
        source = self.place / "elsewhere"
        for run in chosen:
            shutil.copytree(self.finished / self.names[run], source / self.names[run])
        export_records(source, self.timings, self.place / "records.jsonl")
        shutil.rmtree(source)
        import_records(self.place / "records.jsonl", self.runs, self.timings, self.store)

    @rule(chosen=st.sets(RUNS))
    def prune(self, chosen):
        set_aside([self.names[run] for run in chosen], self.runs, self.store)

    @rule(chosen=st.sets(RUNS))
    def fill(self, chosen):
        take_in(self.runs, self.store)
        bring_back([self.names[run] for run in chosen], self.runs, self.store)

    @rule()
    def export(self):
        try:
            export_records(self.runs, self.timings, self.place / "records.jsonl")
        except UserError as error:
            assert "\n" not in str(error)

    @rule(where=st.sampled_from(["runs", "store", "timings", "."]), run=st.none() | RUNS)
    def stranger(self, where, run):
        """Somebody keeps a file among ours, or in the folder of a run."""
        path = self.place / where / (self.names[run] if run is not None else "mine") / "mine.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
        self.strangers[path] = "mine"

    @invariant()
    def what_is_called_right_is_right(self):
        here = [self.runs / name for name in self.names if (self.runs / name).is_dir()]
        problems, without = verify_runs(here)
        told = "\n".join(problems)
        for directory in here:
            if directory.name in told:
                continue
            meant = self.finished / directory.name
            assert json.loads((directory / RECORD).read_text()) == json.loads((meant / RECORD).read_text())
            assert (directory in without) == (not (directory / WEIGHTS).is_file())
            for name in (WEIGHTS, TRACES):
                if (directory / name).is_file() and (meant / name).is_file():
                    assert (directory / name).read_bytes() == (meant / name).read_bytes()

    @invariant()
    def what_is_complete_says_what_was_said_and_has_the_files_that_its_record_names(self):
        for directory in [folder / name for folder in (self.runs, self.store) for name in self.names]:
            if is_complete(directory):
                record = json.loads((directory / RECORD).read_text())
                assert record in self.records
                named = record["sha256"]
                for name in {*FILES} & {*named} - {RECORD}:
                    assert hashlib.sha256((directory / name).read_bytes()).hexdigest() == named[name]

    @invariant()
    def strangers_stay(self):
        assert all(path.read_text() == content for path, content in self.strangers.items())


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    lay_out(folder, seeds=2)
    return folder / "results/runs"


def test_the_store_says_what_is(finished):
    sizes = settings(max_examples=60, stateful_step_count=25, deadline=None, derandomize=True)
    run_state_machine_as_test(type("FinishedStore", (Store,), {"finished": finished}), settings=sizes)
