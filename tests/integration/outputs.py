"""What the workflow makes of the tiny study, as tests compare it."""

import hashlib

STUDY = "results/tiny"
FIGURES = ["accuracy_matrix", "architecture", "convergence", "table1"]
OUTPUTS = [
    "results/focus.json",
    *[f"{STUDY}/{name}" for name in ("params.yaml", "plan.json", "provenance.json", "records.jsonl", "runs.csv")],
    *[f"{STUDY}/{name}" for name in ("README.md", "report.html", "metrics.json")],
    *[f"{STUDY}/tables/{grid}.{kind}" for grid in ("table1", "convergence") for kind in ("csv", "md", "tex")],
    *[f"{STUDY}/figures/{name}.png" for name in ("table1", "convergence")],
    *[f"{STUDY}/print/{name}.{kind}" for name in FIGURES for kind in ("png", "pdf", "svg")],
]
TIMED = ("provenance.json", "README.md", "report.html", "sha256.json")
"""Files that hold seconds, and digests of such files: they differ every time."""
VARYING = {f"{STUDY}/{name}" for name in TIMED}


def digests(clone, names):
    """Return the SHA-256 of some files by name."""
    return {name: hashlib.sha256((clone.path / name).read_bytes()).hexdigest() for name in names}


def records(clone):
    """Return the bytes of every record by name."""
    return {name: content for name, content in clone.runs().items() if name.endswith("record.json")}


def study(clone):
    """Return the bytes of what was made of the clone's study, apart from what differs every time."""
    found = clone.files(STUDY) | {f"runs/{name}": content for name, content in clone.runs().items()}
    found |= {f"focus/{name}": content for name, content in clone.files("results/focus").items()}
    return {name: content for name, content in found.items() if name not in TIMED}
