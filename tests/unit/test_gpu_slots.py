"""Each job gets a slot of one GPU, until it ends, however it ends; a GPU is the card, whatever it is called."""

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from plans import plan_with

from exaggerated_replay import cli, gpus
from exaggerated_replay.files import write_json
from exaggerated_replay.gpus import free_slot, hold_gpu, visible_gpus
from exaggerated_replay.workflow import control

A, B, C = "GPU-8a2b11ff-0001", "GPU-8a2b99ee-0002", "GPU-77aa00bb-0003"
CARDS = [A, B]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A machine of this test alone: no cards, no scheduler, an empty folder for slots that is open to all."""
    for name in ("bin", "slots"):
        (tmp_path / name).mkdir()
    (tmp_path / "slots").chmod(0o1777)
    monkeypatch.setattr(gpus, "PLACES", (tmp_path / "slots",))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("SLURM_JOB_ID", "SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "")  # so that what a job sets is gone afterwards
        monkeypatch.delenv(name)
    return tmp_path


def nvidia_smi(place, *rows, status=0):
    """A program of that name, which shows these rows."""
    program = place / "bin" / "nvidia-smi"
    lines = "\n".join(rows)
    program.write_text(f"#!{sys.executable}\nimport sys\nprint({lines!r})\nsys.exit({status})\n")
    program.chmod(0o755)


@pytest.fixture
def two_cards(place):
    nvidia_smi(place, A, B)


def taken(available, slots_per_gpu):
    """Take slots until there is none; return the GPUs in order, and the locks."""
    held = []
    while (slot := free_slot(available, slots_per_gpu)) is not None:
        held.append(slot)
        assert len(held) < 100
    return [gpu for gpu, _ in held], [lock for _, lock in held]


# ---------------------------------------------------------------- which cards there are


def test_a_machine_without_cards_has_no_gpu_whatever_the_environment_says(monkeypatch):
    assert visible_gpus() == []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert visible_gpus() == []


def test_nvidia_smi_tells_the_cards_and_their_order(place, two_cards, monkeypatch):
    assert visible_gpus() == CARDS
    nvidia_smi(place, B, A)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert visible_gpus() == [A]


def test_where_nvidia_smi_fails_no_card_is_known(place):
    nvidia_smi(place, "Failed to initialize NVML: Driver/library version mismatch", status=18)
    assert visible_gpus() == []


# ---------------------------------------------------------------- which of them may be used


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("void", []),
        ("0", [A]),
        ("1,0", [B, A]),
        (" 1 , 0", [B, A]),
        ("1x", [B]),
        ("0,-1,1", [A]),
        ("0,,1", [A]),
        ("1,7,0", [B]),  # there is no eighth card
        ("0,0", []),
        ("1,0,1", []),
        ("GPU-8a2b11ff-0001", [A]),
        ("GPU-8A2B99", [B]),
        ("GPU-8a2b", []),  # two begin so
        ("GPU-8a2b99ee-0002,GPU-8a2b11ff-0001", [B, A]),
        ("0,GPU-8a2b99ee-0002", [A]),
        ("GPU-8a2b99ee-0002,0", [B]),
        ("GPU-77,GPU-8a2b11ff-0001", []),
        ("MIG-5c6d22aa-0004", ["MIG-5c6d22aa-0004"]),
    ],
)
def test_the_environment_is_read_as_cuda_reads_it(two_cards, monkeypatch, visible, expected):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert visible_gpus() == expected


@pytest.mark.parametrize(
    "visible", ["", "-1", "NoDevFiles", "0", "1,0", " 1 , 0", "1x", "0,-1,1", "0,,1", "0,0", "1,0,1"]
)
def test_torch_reads_indices_the_same_way(two_cards, monkeypatch, visible):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert visible_gpus() == [CARDS[index] for index in torch.cuda._parse_visible_devices()]


# ---------------------------------------------------------------- slots


@pytest.mark.parametrize("slots_per_gpu", [1, 2, 3])
def test_each_slot_is_given_once_and_all_gpus_before_any_is_shared(slots_per_gpu):
    given, _locks = taken(CARDS, slots_per_gpu)
    assert given == CARDS * slots_per_gpu
    assert free_slot(CARDS, slots_per_gpu) is None


def test_a_closed_lock_frees_its_slot_and_no_other():
    cards = [*CARDS, C]
    _, locks = taken(cards, 1)
    locks[1].close()
    given, again = taken(cards, 1)
    assert given == [B]
    assert not any(lock.closed for lock in (locks[0], locks[2], *again))


def test_jobs_that_see_different_gpus_do_not_stand_in_each_others_way():
    _, _locks = taken([A], 2)
    assert taken([B], 1)[0] == [B]


@pytest.mark.parametrize("other", ["0", "GPU-8a2b11ff-0001", "GPU-8a2b11", "0,-1,1"])
def test_an_index_and_the_uuid_of_the_same_card_have_one_holder(two_cards, monkeypatch, other):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    first = hold_gpu(1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", other)
    assert free_slot(visible_gpus(), 1) is None
    first.close()
    assert free_slot(visible_gpus(), 1)[0] == A


def test_two_users_with_folders_for_temporary_files_of_their_own_have_one_holder(two_cards, place):
    holders = [
        subprocess.run(
            [sys.executable, "-c", WHERE],
            env={"TMPDIR": str(place / folder), "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for folder in ("slots", "bin")
    ]
    assert holders[0] == holders[1]
    assert str(place) not in holders[0]


WHERE = """
from exaggerated_replay.gpus import place_of_slots
print(place_of_slots())
"""


def test_a_slot_can_be_locked_by_all_users_and_removed_by_none_but_its_own(place):
    before = os.umask(0o077)
    try:
        _, lock = free_slot([A], 1)
    finally:
        os.umask(before)
    (slot,) = (place / "slots").iterdir()
    assert slot.name == f"exaggerated-replay-gpu-{A}-slot0"
    assert stat.S_IMODE(slot.stat().st_mode) == 0o644
    lock.close()


def test_the_first_place_that_is_open_to_all_and_safe_is_taken(place, monkeypatch):
    closed, unsafe, good = place / "closed", place / "unsafe", place / "good"
    for folder, mode in ((closed, 0o755), (unsafe, 0o777), (good, 0o1777)):
        folder.mkdir()
        folder.chmod(mode)
    monkeypatch.setattr(gpus, "PLACES", (place / "missing", closed, unsafe, good, place / "slots"))
    assert gpus.place_of_slots() == good


def test_a_link_in_the_place_of_a_slot_is_not_followed(place):
    (place / "victim").touch()
    (place / "slots" / f"exaggerated-replay-gpu-{A}-slot0").symlink_to(place / "victim")
    with pytest.raises(OSError) as caught:
        free_slot([A], 1)
    assert caught.value.errno == errno.ELOOP


def test_a_slot_that_was_swept_away_while_it_was_locked_is_not_held(place, monkeypatch):
    def sweep(file):
        (slot,) = (place / "slots").iterdir()
        slot.unlink()
        return True

    monkeypatch.setattr(gpus, "lock", sweep)
    assert free_slot([A], 1) is None


HOLDER = """
import sys, time
from pathlib import Path
from exaggerated_replay import gpus
gpus.PLACES = (Path(sys.argv[1]),)
gpu, lock = gpus.free_slot([sys.argv[2]], 1)
assert "torch" not in sys.modules
print(gpu, flush=True)
time.sleep(60)
"""


@pytest.fixture
def other_process(place):
    command = [sys.executable, "-c", HOLDER, str(place / "slots"), A]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == f"{A}\n"  # it holds the slot now
    yield holder
    holder.kill()
    holder.wait()
    holder.stdout.close()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_slot_is_free_again_when_its_process_dies_however_it_dies(other_process, end):
    assert free_slot([A], 1) is None
    other_process.send_signal(end)
    assert other_process.wait() == -end
    gpu, lock = free_slot([A], 1)
    assert gpu == A
    lock.close()


# ---------------------------------------------------------------- holding


@pytest.mark.parametrize("visible", [None, "", "NoDevFiles", "0"])
def test_without_a_gpu_there_is_nothing_to_hold(place, monkeypatch, visible):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert hold_gpu(1) is None
    assert hold_gpu(1) is None  # and nothing to wait for
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == visible
    assert list((place / "slots").iterdir()) == []


@pytest.mark.parametrize("name", ["SLURM_JOB_GPUS", "SLURM_STEP_GPUS"])
def test_of_the_gpu_that_slurm_gave_the_jobs_of_one_allocation_share_its_slots(two_cards, monkeypatch, place, name):
    """Whether another allocation has the same GPU is for Slurm to decide."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv(name, "1")
    lock = hold_gpu(1)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == B
    assert free_slot([B], 1) is None
    monkeypatch.setenv("SLURM_JOB_ID", "8")
    gpu, other = free_slot([B], 1)
    assert gpu == B
    slots = sorted(path.name for path in (place / "slots").iterdir())
    assert slots == [f"exaggerated-replay-gpu-{B}-slurm{job}-slot0" for job in (7, 8)]
    for held in (lock, other):
        held.close()


def test_two_jobs_in_a_slurm_allocation_of_two_gpus_take_one_each(two_cards, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_JOB_GPUS", "0,1")
    locks = []
    for expected in CARDS:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
        locks.append(hold_gpu(1))
        assert os.environ["CUDA_VISIBLE_DEVICES"] == expected
    assert not any(lock.closed for lock in locks)


def test_a_slurm_job_that_was_given_no_gpu_shares_those_of_the_machine_with_everybody(two_cards, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    lock = hold_gpu(1)
    monkeypatch.delenv("SLURM_JOB_ID")
    assert free_slot([A], 1) is None
    lock.close()


def test_the_gpu_held_is_the_only_one_visible(two_cards, monkeypatch):
    locks = []
    for expected in (B, A):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
        locks.append(hold_gpu(1))
        assert os.environ["CUDA_VISIBLE_DEVICES"] == expected
    assert not any(lock.closed for lock in locks)


def test_a_job_says_once_that_it_waits_and_for_what_until_a_slot_is_free(two_cards, monkeypatch, capfd):
    _, locks = taken(CARDS, 2)
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        if len(waited) == 3:
            locks[1].close()

    monkeypatch.setattr(gpus, "time", SimpleNamespace(sleep=sleep))  # and not that of other threads
    lock = hold_gpu(2, waiting=0.25)
    assert waited == [0.25] * 3
    assert os.environ["CUDA_VISIBLE_DEVICES"] == B
    (said,) = capfd.readouterr().err.splitlines()
    for words in (A, B, "compute.slots_per_gpu is 2", "compute.device=cpu"):
        assert words in said
    lock.close()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    hold_gpu(2).close()
    assert capfd.readouterr().err == ""  # there was nothing to wait for


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_where_no_lock_can_be_had_the_job_says_so_and_goes_on(two_cards, monkeypatch, capfd, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    assert hold_gpu(1) is None
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert os.strerror(number).lower() in said
    monkeypatch.setattr(gpus, "PLACES", (Path("/proc"),))
    assert hold_gpu(1) is None
    assert "no folder that is open to all users" in capfd.readouterr().err


# ---------------------------------------------------------------- who asks for a slot


@pytest.mark.parametrize(("device", "held"), [("auto", [3]), ("cuda", [3]), ("cpu", [])])
@pytest.mark.parametrize(
    ("job", "refused"), [(["train", "x"], "has no pack x"), (["pretrain"], "has no encoder to train")]
)
def test_a_job_that_may_compute_on_a_gpu_holds_a_slot(job, refused, device, held, tmp_path, monkeypatch, capsys):
    """Before all else: both jobs are refused, but not before they have one."""
    asked = []
    monkeypatch.setattr(gpus, "hold_gpu", asked.append)
    write_json(tmp_path / "plan.json", plan_with({"compute.device": device, "compute.slots_per_gpu": 3}).to_dict())
    assert cli.main([*job, "--plan", str(tmp_path / "plan.json")]) == 2
    assert refused in capsys.readouterr().err
    assert asked == held


@pytest.mark.parametrize(
    ("device", "cards", "elsewhere", "expected"),
    [
        ("auto", CARDS, False, 1),
        ("cuda", CARDS, False, 1),
        ("cpu", CARDS, False, 0),
        ("auto", [], False, 0),
        ("auto", [], True, 1),  # a cluster's nodes may have what this machine has not
        ("cpu", [], True, 0),
    ],
)
def test_snakemake_counts_a_gpu_for_each_job_where_there_is_one(device, cards, elsewhere, expected, monkeypatch):
    monkeypatch.setattr(control, "visible_gpus", lambda: cards)
    start = object.__new__(control.Control)
    start.plan = SimpleNamespace(compute=SimpleNamespace(device=device))
    start.workflow = SimpleNamespace(non_local_exec=elsewhere)
    assert start.gpus_of_a_job(None) == expected
