"""Where things lie, and what files are called: each said once."""

from pathlib import Path

RAW = Path("data/raw")  # a folder for each data set, with the files as they were downloaded
ENCODERS = RAW / "encoders"  # as they are published
RESULTS = Path("results")
RUNS = RESULTS / "runs"  # the store behind all studies
TIMINGS = RESULTS / "timings"  # seconds and hardware, apart from the runs
DIGESTS = Path(".training/digests.json")  # of large files of the user's, which are looked at once
RESERVED = ("runs", "focus", "focus.json", "timings")
"""Names in results/ that no study can have."""

PROVENANCE = "provenance.json"  # of a study: where and from what it was made, and its files
RECORD = "record.json"  # of a run: settings, counts, instruments; complete without the weights
WEIGHTS = "model.safetensors"
STATE = "state.safetensors"  # what an interrupted run goes on from, until it is finished
TRACES = "traces.safetensors"  # small arrays kept at task ends, where there are any
ENCODER_WEIGHTS = "encoder.safetensors"

DIGITS = 10
"""Of a digest, in names: among a million, two share them with a chance of one in three."""
