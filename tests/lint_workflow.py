"""Run `snakemake --lint` and fail on anything but the one thing that is deliberately different.

The linter wants a conda environment or container for each rule. Here one lock file with hashes is the
environment of the whole workflow.
"""

import re
import subprocess
import sys

DELIBERATE = "Specify a conda environment or container for each rule."


def main() -> int:
    """Return the exit status: 0 when the linter found nothing else."""
    lint = subprocess.run(["snakemake", "--lint"], capture_output=True, text=True, check=False)
    complaints = re.findall(r"^    \* (.+?):?$", lint.stdout + lint.stderr, flags=re.MULTILINE)
    others = [complaint for complaint in complaints if complaint.rstrip(":") != DELIBERATE]
    if others or not complaints:
        print(lint.stdout, lint.stderr, sep="\n", file=sys.stderr)
        return 1
    print(f"snakemake --lint: nothing but the deliberate {len(complaints)} x {DELIBERATE!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
