"""The memory that counts is what a container leaves, not what the machine has."""

import os

import pytest

from exaggerated_replay import memory
from exaggerated_replay.memory import available_memory, whole_memory

BUILT_IN = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with 8,000 kB free, in which this process belongs to no group; groups lie below `groups`."""
    (tmp_path / "meminfo").write_text("MemTotal: 16000 kB\nMemFree: 100 kB\nMemAvailable:    8000 kB\n")
    (tmp_path / "own").write_text("")
    monkeypatch.setattr(memory, "MACHINE", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "groups")
    return tmp_path


def second(machine, path, limit, used, inactive):
    """A group of the second kind of control groups."""
    folder = machine / "groups" / path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {inactive}\nactive_file 7\n")


def first(machine, path, limit, used, inactive):
    """A group of the first kind."""
    folder = machine / "groups" / "memory" / path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.limit_in_bytes").write_text(f"{limit}\n")
    (folder / "memory.usage_in_bytes").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"inactive_file 1\ntotal_inactive_file {inactive}\n")


def test_without_a_group_it_is_what_the_machine_has(machine):
    assert available_memory() == 8000 * 1024
    assert whole_memory() == BUILT_IN


def test_without_a_word_of_the_machine_it_is_all_that_is_built_in(machine):
    (machine / "meminfo").unlink()
    (machine / "own").unlink()
    assert available_memory() == BUILT_IN


def test_in_a_container_the_group_at_the_top_limits(machine):
    (machine / "own").write_text("0::/\n")
    second(machine, "", 5_000_000, 3_000_000, 1_000_000)
    assert whole_memory() == 5_000_000
    assert available_memory() == 3_000_000  # files that nobody looks at are given back


def test_the_narrowest_of_nested_groups_limits(machine):
    (machine / "own").write_text("0::/slurm/job_7/step_0\n")
    second(machine, "slurm", 7_000_000, 6_500_000, 0)
    second(machine, "slurm/job_7", 4_000_000, 1_000_000, 0)
    second(machine, "slurm/job_7/step_0", "max", 1_000_000, 0)
    assert whole_memory() == 4_000_000
    assert available_memory() == 500_000


def test_a_limit_beyond_the_machine_limits_nothing(machine):
    (machine / "own").write_text("0::/a\n")
    second(machine, "a", 2**62, 0, 0)
    assert whole_memory() == BUILT_IN
    assert available_memory() == 8000 * 1024


def test_groups_of_the_first_kind_limit_too_and_only_those_of_memory(machine):
    (machine / "own").write_text("12:cpu,cpuacct:/docker/abc\n5:memory:/docker/abc\n1:name=systemd:/x:y\n0::/\n")
    first(machine, "docker/abc", 6_000_000, 2_000_000, 500_000)
    first(machine, "", 9223372036854771712, 10**9, 0)
    assert whole_memory() == 6_000_000
    assert available_memory() == 4_500_000


def test_a_container_that_is_told_the_machines_path_finds_its_own_group_at_the_top(machine):
    (machine / "own").write_text("5:memory:/docker/abc\n0::/../../machine\n")
    first(machine, "", 3_000_000, 1_000_000, 0)
    assert whole_memory() == 3_000_000
    assert available_memory() == 2_000_000


def test_a_group_that_is_full_leaves_nothing(machine):
    (machine / "own").write_text("0::/\n")
    second(machine, "", 1_000_000, 1_200_000, 0)
    assert available_memory() == 0


def test_a_limit_counts_where_nothing_more_is_told_of_its_group(machine):
    (machine / "own").write_text("0::/\n")
    second(machine, "", 1_000_000, 400_000, 100_000)
    (machine / "groups" / "memory.stat").unlink()
    assert available_memory() == 600_000
