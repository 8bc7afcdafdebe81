"""What of a plan is there and is what belongs there: looked at, not remembered.

Neither a file's time nor the bookkeeping of Snakemake or DVC is believed: a file is right when its content says so.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open

from exaggerated_replay.data.fetch import verify
from exaggerated_replay.data.prepared import load
from exaggerated_replay.data.splits import read_split
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import file_digest, read_json
from exaggerated_replay.places import ENCODER_WEIGHTS, ENCODERS, RECORD, RESULTS, RUNS, WEIGHTS
from exaggerated_replay.planning.plan import Plan
from exaggerated_replay.planning.sources import Source
from exaggerated_replay.planning.study_plan import Run
from exaggerated_replay.settings.encoder import EncoderSettings
from exaggerated_replay.store.keeping import has_more
from exaggerated_replay.store.manifest import made_from, read_manifest
from exaggerated_replay.store.records import is_complete
from exaggerated_replay.store.verify import verify_record

MOST_BYTES = 2 * 10**9  # of checkpoints that every start reads whole: about two seconds


class Artefact(NamedTuple):
    """A file of a plan."""

    kind: str  # of the rule that makes it
    check: Callable[[], Any]  # raises where it is not what it should be


class Survey:
    """What is wrong with the files of a plan; each is looked at once, when it is asked for.

    Args:
        plan: Which files there should be.
        study_files: What is made from the records of the plan.
        store: Where else finished runs lie, for who only looks: whoever works fills results/runs/ from there first.
    """

    def __init__(self, plan: Plan, study_files: Sequence[Path], store: Path | None = None) -> None:
        self.plan = plan
        self.study = RESULTS / plan.study.name
        self.study_files = study_files
        self.store = store
        self._places: dict[Path, Path] = {}
        self._known: dict[Path, str | None] = {}
        self._expected: dict[str, str] | None = None
        self._whole: bool | None = None  # whether checkpoints are few enough to be read whole
        self._files: dict[Path, Artefact] = {}

        def there_is(kind: str, path: Path, check: Callable[..., Any], *of: Any, **how: Any) -> None:
            self._files[path] = Artefact(kind, functools.partial(check, *of, **how))

        for source in plan.sources:
            for path in [] if source.settings.own_file else source.raw:
                there_is("download", path, _raw, source, path)
            there_is("verify", source.prepared, load, source.prepared, source.digest)
        if encoder := plan.encoder:
            if encoder.download:
                there_is("download", encoder.download, _published, encoder.settings)
            for name in (RECORD, ENCODER_WEIGHTS) if encoder.images else ():
                there_is("pretrain", encoder.directory / name, _encoder, encoder.directory)
            there_is("features", plan.learned_from, load, plan.learned_from, plan.data, shared=False)
        for path in plan.splits:
            there_is("split", path, read_split, path)
        for run in plan.runs:
            there_is("trained", run.directory / RECORD, self._record, run)
            there_is("trained", run.directory / WEIGHTS, self._weights, run)
        for path in self.study_files:
            there_is("study", path, self._study, path)

    def wrong(self, path: Path | str) -> str | None:
        """Return what is wrong with a file of the plan, None where it is right; "is missing" where it is not there."""
        path = Path(path)
        if path not in self._known:
            self._known[path] = self._look(path)
        return self._known[path]

    def check_folders(self) -> None:
        """Check that no file, which may be somebody's, lies where the plan needs a folder outside of the study's.

        Raises:
            UserError: There is one.
        """
        for folder in sorted({parent for path in self._files for parent in path.parents}):
            if self.study not in folder.parents and folder.exists() and not folder.is_dir():
                raise UserError(f"{folder} is a file, where a folder is needed: move it away")

    def missing(self, paths: Iterable[Path | str]) -> list[str]:
        """Return those of the files that are not there, or not right."""
        return [str(path) for path in paths if self.wrong(path)]

    def spoilt(self) -> dict[Path, str]:
        """Return what is there and wrong: path -> what is wrong with it. Raw files count only where they are needed."""
        unneeded = {path for source in self.plan.sources if not self.wrong(source.prepared) for path in source.raw}
        if not self.wrong(self.plan.learned_from):
            unneeded |= {self.plan.encoder.download} if self.plan.encoder and self.plan.encoder.download else set()
        there = (path for path in self._files if path not in unneeded and (path.exists() or path.is_symlink()))
        return {path: reason for path in there if (reason := self.wrong(path))}

    def made_elsewhere(self, path: Path) -> bool:
        """Tell whether a file may be somebody's own: one in a study's folder, or a raw file placed by hand."""
        return self.maker(path) in ("download", "study")

    def maker(self, path: Path | str) -> str | None:
        """Return the kind of rule that makes a file, the first word of its name; None of a file of no plan."""
        file = self._files.get(Path(path))
        return file and file.kind

    def forget(self) -> None:
        """Look again from now on."""
        self._known.clear()
        self._places.clear()
        self._expected = self._whole = None

    def _look(self, path: Path) -> str | None:
        there = self._place(path.parent) / path.name
        if not there.is_file():
            return "is not a file" if there.exists() or there.is_symlink() else "is missing"
        try:
            self._files[path].check()
        except UserError as error:
            return str(error).removeprefix(f"{path} ")
        except OSError as error:
            return f"cannot be read ({error.strerror})"
        return None

    def _place(self, directory: Path) -> Path:
        """Return where the files of a folder are looked at: those of a run in the store, where that has more of it."""
        if self.store is None or directory.parent != RUNS:
            return directory
        if directory not in self._places:
            kept = self.store / directory.name
            self._places[directory] = kept if has_more(kept, directory) else directory
        return self._places[directory]

    def _record(self, run: Run) -> None:
        verify_record(run.name, read_json(self._place(run.directory) / RECORD))

    def _weights(self, run: Run) -> None:
        if reason := self.wrong(run.directory / RECORD):
            raise UserError(f"has no valid record beside it, which {reason}")
        if self._whole is None:
            weights = (self._place(run.directory) / WEIGHTS for run in self.plan.runs)
            self._whole = sum(path.stat().st_size for path in weights if path.is_file()) <= MOST_BYTES
        check_weights(self._place(run.directory), whole=self._whole)

    def _study(self, path: Path) -> None:
        if self._expected is None:
            records = all(self.wrong(run.directory / RECORD) is None for run in self.plan.runs)
            places = {run.name: self._place(run.directory) for run in self.plan.runs}
            self._expected = read_manifest(self.study, made_from(self.plan.to_dict(), places)) if records else {}
        if self._expected.get(str(path)) != file_digest(path):
            raise UserError("is not what the workflow makes from these runs")
        if path == self.study_files[0]:  # it stands for those, too, that depend on what the runs say
            declared = {str(path) for path in self.study_files}
            for name in self._expected.keys() - declared:
                if not Path(name).is_file() or self._expected[name] != file_digest(Path(name)):
                    raise UserError(f"lies beside {name}, which is not what the workflow makes from these runs")


def check_weights(directory: Path, *, whole: bool) -> None:
    """Check that a checkpoint is the one that the record beside it names.

    Args:
        directory: Of the run.
        whole: Whether to read all of it; otherwise only its header and its size, which shows what is cut short.

    Raises:
        UserError: It is not.
    """
    weights = directory / WEIGHTS
    if whole:
        if not is_complete(directory):
            raise UserError("is not the checkpoint that its record names, or its traces are not")
        return
    try:
        with safe_open(weights, framework="np"):  # refuses what is cut short, or longer than its header says
            pass
    except SafetensorError as error:
        raise UserError("is not a whole checkpoint") from error


def _raw(source: Source, path: Path) -> None:
    verify(path.parent, {path.name: source.settings.files[path.name]})


def _published(encoder: EncoderSettings) -> None:
    if encoder.published:
        verify(ENCODERS, {encoder.published.file: encoder.published.checksum})


def _encoder(directory: Path) -> None:
    try:
        right = file_digest(directory / ENCODER_WEIGHTS) == read_json(directory / RECORD)["sha256"][ENCODER_WEIGHTS]
    except (KeyError, TypeError, FileNotFoundError):
        right = False
    if not right:
        raise UserError("is not the encoder that its record names")
