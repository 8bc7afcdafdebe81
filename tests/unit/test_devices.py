"""Each job gets a slot of one GPU, until it ends, however it ends."""

import os
import signal
import subprocess
import sys

import pytest
import torch

from exaggerated_replay import devices
from exaggerated_replay.devices import free_slot, gpus, hold_gpu
from exaggerated_replay.errors import UserError


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Slots of this test alone, and no word from the machine about its GPUs."""
    monkeypatch.setattr(devices, "SLOTS", tmp_path / "slots")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    return tmp_path


def taken(available, slots_per_gpu):
    """Take slots until there is none; return the GPUs in order, and the locks."""
    held = []
    while (slot := free_slot(available, slots_per_gpu)) is not None:
        held.append(slot)
        assert len(held) < 100
    return [gpu for gpu, _ in held], [lock for _, lock in held]


# ---------------------------------------------------------------- which GPUs


@pytest.mark.parametrize(
    ("visible", "expected"),
    [("", []), ("-1", []), ("0", ["0"]), ("2,0", ["2", "0"]), ("GPU-8a2b,GPU-11ff", ["GPU-8a2b", "GPU-11ff"])],
)
def test_the_environment_says_which_gpus_may_be_used(monkeypatch, visible, expected):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus() == expected


def test_without_a_word_from_the_environment_the_machines_gpus_are_found(monkeypatch, place):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(devices, "Path", lambda folder: {"/dev": place}[folder])
    assert gpus() == []
    for name in ("nvidia1", "nvidia0", "nvidiactl", "nvidia-uvm", "null"):
        (place / name).touch()
    assert gpus() == ["0", "1"]


# ---------------------------------------------------------------- slots


@pytest.mark.parametrize("slots_per_gpu", [1, 2, 3])
def test_each_slot_is_given_once_and_all_gpus_before_any_is_shared(slots_per_gpu):
    given, _locks = taken(["0", "1"], slots_per_gpu)
    assert given == ["0", "1"] * slots_per_gpu
    assert free_slot(["0", "1"], slots_per_gpu) is None


def test_a_closed_lock_frees_its_slot_and_no_other():
    _, locks = taken(["0", "1", "2"], 1)
    locks[1].close()
    given, again = taken(["0", "1", "2"], 1)
    assert given == ["1"]
    assert not any(lock.closed for lock in (locks[0], locks[2], *again))


def test_jobs_that_see_different_gpus_do_not_stand_in_each_others_way():
    _, _locks = taken(["0"], 2)
    assert taken(["1"], 1)[0] == ["1"]


HOLDER = """
import sys, time
from pathlib import Path
from exaggerated_replay import devices
devices.SLOTS = Path(sys.argv[1])
gpu, lock = devices.free_slot(["0"], 1)
assert "torch" not in sys.modules
print(gpu, flush=True)
time.sleep(60)
"""


@pytest.fixture
def other_process(place):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(place / "slots")], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "0\n"  # it holds the slot now
    yield holder
    holder.kill()
    holder.wait()
    holder.stdout.close()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_slot_is_free_again_when_its_process_dies_however_it_dies(other_process, end):
    assert free_slot(["0"], 1) is None
    other_process.send_signal(end)
    assert other_process.wait() == -end
    gpu, lock = free_slot(["0"], 1)
    assert gpu == "0"
    lock.close()


# ---------------------------------------------------------------- holding


def test_without_a_gpu_there_is_nothing_to_hold(place):
    assert hold_gpu(1) is None
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
    assert not (place / "slots").exists()


def test_slurm_assigns_gpus_itself(monkeypatch, place):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert hold_gpu(1) is None
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert not (place / "slots").exists()


def test_the_gpu_held_is_the_only_one_visible(monkeypatch):
    locks = []
    for expected in ("3", "1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
        locks.append(hold_gpu(1))
        assert os.environ["CUDA_VISIBLE_DEVICES"] == expected
    assert not any(lock.closed for lock in locks)


def test_a_job_waits_until_a_slot_is_free(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    _, locks = taken(["0", "1"], 1)
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        if len(waited) == 3:
            locks[1].close()

    monkeypatch.setattr(devices.time, "sleep", sleep)
    lock = hold_gpu(1, waiting=0.25)
    assert waited == [0.25] * 3
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"
    lock.close()


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
    with devices.limited_memory(torch.device("cpu")):
        assert 0 < set_to[-1][0] < 2**50
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


def test_a_cpu_is_named_with_its_instructions(monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert devices.hardware(torch.device("cpu")).endswith(" with AVX2")
