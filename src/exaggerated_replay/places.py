"""Where things lie, and what files are called: each said once."""

from pathlib import Path

RAW = Path("data/raw")  # a folder for each data set, with the files as they were downloaded
ENCODERS = RAW / "encoders"  # as they are published
RESULTS = Path("results")
RUNS = RESULTS / "runs"  # the store behind all studies
TIMINGS = RESULTS / "timings"  # seconds and hardware, apart from the runs
DIGESTS = Path(".training/digests.json")  # of large files of the user's, which are looked at once
INDEX = RESULTS / "index.html"  # of the reports of all studies
RESERVED = ("runs", "focus", "focus.json", "timings", INDEX.name)
"""Names in results/ that no study can have."""

PLAN = "plan.json"  # of a study: its cells, which runs they have, and what these are compared with
RECORDS = "records.jsonl"  # of a study: the record of every run, a line each
PROVENANCE = "provenance.json"  # of a study: where and from what it was made
MANIFEST = "sha256.json"  # of a study: what its files hold, by digest
MARKS = (PLAN, RECORDS, PROVENANCE, MANIFEST)
"""Each of them tells that the workflow has written into a folder, whatever stands in it."""
RECORD = "record.json"  # of a run: settings, counts, instruments; complete without the weights
WEIGHTS = "model.safetensors"
STATE = "state.safetensors"  # what an interrupted run goes on from, until it is finished
TRACES = "traces.safetensors"  # small arrays kept at task ends, where there are any
ENCODER_WEIGHTS = "encoder.safetensors"

DIGITS = 10
"""Of a digest, in names: among a million, two share them with a chance of one in three."""
