"""Do the tests notice when the code is wrong? Small changes to five parts, each judged by the unit tests of its part.

The changes are those of mutmut, which would also run them, but leaves out every function that has a decorator, and
collects the tests anew for each. Here each mutant is a fork of one process that has collected them once, and the
changed function takes the place of the right one in there; no file is changed.
"""

import argparse
import contextlib
import difflib
import gc
import importlib
import os
import random
import resource
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType

import libcst as cst
import pytest
from _pytest.runner import runtestprotocol
from libcst.metadata import MetadataWrapper
from mutmut.mutation.file_mutation import MutationVisitor, deep_replace
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

ROOT = Path(__file__).parents[2]
PACKAGE = "exaggerated_replay"
SECONDS = 30  # of processor time, for one mutant
PARTS = {  # the files that are changed, and the tests that are about them
    "losses": (["learning/likelihoods.py", "learning/losses.py"], ["test_likelihoods.py", "test_losses.py"]),
    "competition": (["learning/competition.py"], ["test_exaggeration.py"]),
    "consolidation": (["learning/consolidation.py"], ["test_consolidation.py"]),
    "plan": (
        ["planning/plan.py", "planning/cells.py", "planning/runs.py"],
        ["test_cells.py", "test_grids.py", "test_identity.py", "test_plan.py"],
    ),
    "scores": (["analysis/study/scores.py"], ["test_evaluate.py"]),
}


@dataclass
class Mutant:
    """One changed function."""

    part: str
    file: str
    function: str
    number: int
    source: str
    diff: str

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        return f"{self.file}:{self.function}:{self.number}"

    def take_place(self) -> None:
        """Let the changed function do the right one's work."""
        module = importlib.import_module(f"{PACKAGE}.{self.file.removesuffix('.py').replace('/', '.')}")
        space = dict(vars(module))
        # In a class, as methods are: otherwise `super()` would find none.
        exec(compile(f"class Holder:\n{textwrap.indent(self.source, ' ')}", self.file, "exec"), space)  # noqa: S102
        changed, right = vars(space["Holder"])[self.function.rpartition(".")[2]], function_of(module, self.function)
        right.__code__, right.__defaults__ = changed.__code__, changed.__defaults__


def function_of(module: ModuleType, name: str) -> FunctionType:
    """Return a function or method as it was before its decorators."""
    holder, _, last = name.rpartition(".")
    found = vars(getattr(module, holder) if holder else module)[last]
    for inside in ("fget", "func", "__wrapped__"):
        found = getattr(found, inside, found)
    return found


class Everywhere(MutationVisitor):
    """All that mutmut would change, in decorated functions too."""

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        return not isinstance(node, cst.FunctionDef) and super()._skip_node_and_children(node)


def mutants_of(part: str, file: str) -> Iterator[Mutant]:
    """Yield all mutants of a file of the package."""
    wrapper = MetadataWrapper(cst.parse_module((ROOT / "src" / PACKAGE / file).read_text()))
    visitor = Everywhere(mutation_operators, IgnoredCode(set(), set(), set()))
    module = wrapper.visit(visitor)
    names = {}
    for statement in module.body:
        inner = statement.body.body if isinstance(statement, cst.ClassDef) else [statement]
        prefix = f"{statement.name.value}." if isinstance(statement, cst.ClassDef) else ""
        names |= {node: prefix + node.name.value for node in inner if isinstance(node, cst.FunctionDef)}
    numbers = dict.fromkeys(names, 0)
    for mutation in visitor.mutations:
        function = mutation.contained_by_top_level_function
        if function in names:
            numbers[function] += 1
            bare = function.with_changes(decorators=[], leading_lines=[])
            before = module.code_for_node(bare)
            after = module.code_for_node(deep_replace(bare, mutation.original_node, mutation.mutated_node))
            lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[2:]
            diff = "\n".join(line for line in lines if not line.startswith("@@"))
            yield Mutant(part, file, names[function], numbers[function], after, diff)


class Judge:
    """A plugin of pytest that runs mutants instead of tests."""

    def __init__(self, mutants: list[Mutant]) -> None:
        self.mutants = mutants
        self.fates: dict[str, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Have an example that fails, not the smallest one."""
        import hypothesis  # not before pytest, which rewrites it

        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        hypothesis.settings.register_profile("mutants", hypothesis.settings.default, phases=phases)
        hypothesis.settings.load_profile("mutants")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge all mutants, each by the tests of its part; those that have noticed one come first for the next."""
        if session.testsfailed:
            pytest.exit("not all tests could be collected", 1)
        tests = {
            part: [item for item in session.items if item.path.name in files] for part, (_, files) in PARTS.items()
        }
        for part in {mutant.part for mutant in self.mutants}:
            fate, *imported = noticed(None, tests[part]).split()
            if fate != "survived":
                culprit = tests[part][int(fate)].nodeid if fate.isdecimal() else f"{part}: {fate}"
                pytest.exit(f"{culprit}, without any mutant", 1)
            for name in imported:  # once here instead of in every fork
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
        gc.freeze()  # so that forks need not copy what is there
        for mutant in self.mutants:
            fate = noticed(mutant, tests[mutant.part])
            if fate.isdecimal():
                tests[mutant.part].insert(0, tests[mutant.part].pop(int(fate)))
                fate = "killed"
            self.fates[mutant.name] = fate
            if fate != "killed":
                print(f"\n{fate} {mutant.name}\n{mutant.diff}", flush=True)
        return True


def noticed(mutant: Mutant | None, tests: list[pytest.Item]) -> str:
    """Return the number of the test that fails under a mutant, "survived", "timeout" or "broken": could not run.

    Without a mutant, what the tests have imported follows.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        used = int(time.process_time())
        resource.setrlimit(resource.RLIMIT_CPU, (used + SECONDS, used + SECONDS))
        known = set(sys.modules)
        try:
            if mutant:
                mutant.take_place()
            failed = (n for n, test in enumerate(tests) if any(r.failed for r in runtestprotocol(test, log=False)))
            fate = str(next(failed, "survived"))
            with os.fdopen(writing, "w") as pipe:
                print(fate, *(() if mutant else set(sys.modules) - known), end="", file=pipe)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        fate = pipe.read()
    _, status = os.waitpid(child, 0)
    return fate or ("timeout" if os.WIFSIGNALED(status) else "broken")


def main() -> int:
    """Print every mutant that no test has noticed, and how many there are of each part."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a part, or a mutant as it is printed; all of them")
    parser.add_argument("--sample", type=int, help="so many of each part, drawn at random with a fixed seed")
    asked = parser.parse_args()
    chosen: list[Mutant] = []
    for part, (files, _) in PARTS.items():
        found = [mutant for file in files for mutant in mutants_of(part, file)]
        found = [m for m in found if not asked.names or part in asked.names or m.name in asked.names]
        if asked.sample is not None and asked.sample < len(found):
            kept = set(random.Random(0).sample(range(len(found)), asked.sample))  # noqa: S311
            found = [mutant for n, mutant in enumerate(found) if n in kept]
        chosen += found
    files = sorted({str(ROOT / "tests/unit" / test) for mutant in chosen for test in PARTS[mutant.part][1]})
    judge = Judge(chosen)
    status = pytest.main(["-q", "-s", "-p", "no:cacheprovider", f"--rootdir={ROOT}", *files], plugins=[judge])
    for part in PARTS:
        fates = [judge.fates[m.name] for m in chosen if m.part == part and m.name in judge.fates]
        if fates:
            print(f"{part}: {len(fates)} mutants, " + ", ".join(f"{fates.count(f)} {f}" for f in sorted(set(fates))))
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
