"""What a job computes with: memory that ends in a sentence, threads as they are really used, torch as it comes."""

import subprocess
import sys

import pytest
import torch

from exaggerated_replay import devices
from exaggerated_replay.errors import UserError


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_the_machine_cannot_hold_fails_at_once_on_a_processor(device):
    """Twice what is built in, half of it at a time, so that the system alone would promise it."""
    program = """
import os, sys, torch
from exaggerated_replay.devices import limited_memory
torch.set_num_threads(1)
built_in = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
try:
    with limited_memory(torch.device(sys.argv[1])):
        kept = [torch.empty(built_in // 2, dtype=torch.uint8) for _ in range(4)]
except RuntimeError as error:
    print("refused:", error)
"""
    done = subprocess.run([sys.executable, "-c", program, device], capture_output=True, text=True, check=True)
    assert ("can't allocate memory" in done.stdout) == (device == "cpu")


def test_a_lower_limit_of_memory_stays_and_what_was_comes_back(monkeypatch):
    set_to = []
    monkeypatch.setattr(devices.resource, "getrlimit", lambda _: (1000, 2000))
    monkeypatch.setattr(devices.resource, "setrlimit", lambda _, limits: set_to.append(limits))
    with devices.limited_memory(torch.device("cpu")):
        assert set_to == [(1000, 2000)]
    assert set_to == [(1000, 2000)] * 2
    monkeypatch.setattr(devices.resource, "getrlimit", lambda _: (devices.resource.RLIM_INFINITY,) * 2)
    monkeypatch.setattr(devices, "whole_memory", lambda: 3000)
    with devices.limited_memory(torch.device("cpu")):
        assert set_to[-1][0] == 3000
        assert set_to[-1][1] == devices.resource.RLIM_INFINITY
    assert set_to[-1] == (devices.resource.RLIM_INFINITY,) * 2


@pytest.mark.parametrize(
    ("environment", "threads", "said"),
    [
        ({"OMP_THREAD_LIMIT": "1"}, 2, "OMP_THREAD_LIMIT=1 in the environment allows fewer.*set compute.threads=1"),
        ({"OMP_DYNAMIC": "TRUE"}, 2, "OMP_DYNAMIC in the environment.*set compute.threads=1"),
        ({"OMP_THREAD_LIMIT": "2", "OMP_DYNAMIC": "false"}, 2, None),
        ({"OMP_THREAD_LIMIT": "0"}, 2, None),  # which OpenMP does not take for a limit
        ({"OMP_THREAD_LIMIT": "1", "OMP_DYNAMIC": "true"}, 1, None),
    ],
)
def test_fewer_threads_than_the_settings_say_are_refused(environment, threads, said, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    try:
        if said is None:
            devices.use_threads(threads)
            assert torch.get_num_threads() == threads
        else:
            with pytest.raises(UserError, match=f"compute.threads is 2, but {said}"):
                devices.use_threads(threads)
    finally:
        torch.set_num_threads(1)


def test_what_torch_really_uses_decides(monkeypatch):
    monkeypatch.setattr(torch, "set_num_threads", lambda threads: None)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    with pytest.raises(UserError, match=r"^mine is 2, but torch computes with 1 here: set mine=1$"):
        devices.use_threads(2, "mine")


@pytest.mark.parametrize(
    ("call", "given", "usual"),
    [
        ("set_default_dtype", torch.float64, torch.float32),
        ("set_default_device", "meta", None),
        ("set_grad_enabled", False, True),
        ("use_deterministic_algorithms", True, False),
        ("set_flush_denormal", True, False),
        ("set_float32_matmul_precision", "medium", "highest"),
    ],
)
def test_what_would_hold_for_every_run_of_a_job_is_nobodys_to_change(call, given, usual, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    devices.use_threads(1)
    try:
        getattr(torch, call)(given)
        with pytest.raises(UserError, match=rf"^torch\.{call} was called by a method in a file of your own"):
            devices.use_threads(1)
    finally:
        getattr(torch, call)(usual)
    devices.use_threads(1)


def test_on_a_gpu_each_run_says_for_itself_how_precise_products_are(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    try:
        torch.set_float32_matmul_precision("high")  # as a run in tf32 left it
        devices.use_threads(1)
    finally:
        torch.set_float32_matmul_precision("highest")


def test_a_cpu_is_named_with_its_instructions(monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    name, words, instructions = devices.hardware(torch.device("cpu")).partition(" with ")
    assert name.strip() and (words, instructions) == (" with ", "AVX2")
