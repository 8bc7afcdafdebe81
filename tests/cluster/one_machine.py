"""Slurm on this machine alone: its daemons, started and stopped, with two pretended GPUs and no accounting."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
USUAL = Path("/etc/slurm/slurm.conf")  # where Slurm looks: a job step gets no SLURM_CONF from the executor

# Two partitions on the one node: a job in `urgent` takes the node from those in `batch`, which go back to the queue.
SLURM = """\
ClusterName=one
SlurmctldHost={host}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={port}
SlurmdPort={second_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait=20
MinJobAge=3600
ReturnToService=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName={host} CPUs={cores} RealMemory={memory} Gres=gpu:2 State=UNKNOWN
PartitionName=batch Nodes={host} Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes={host} MaxTime=INFINITE State=UP PriorityTier=10
"""


class CannotInstall(Exception):
    """Slurm is neither here nor to be had."""


def install() -> None:
    """Make sure that Slurm and its authentication are there: Debian's packages.

    Raises:
        CannotInstall: They are missing, and cannot be installed by this user on this machine.
    """
    if USUAL.exists():
        raise CannotInstall(f"this machine has a Slurm of its own ({USUAL})")
    if all(shutil.which(daemon, path=f"{os.environ['PATH']}:/usr/sbin") for daemon in DAEMONS):
        if os.geteuid() != 0:
            raise CannotInstall("starting Slurm's daemons needs root")
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise CannotInstall("slurm-wlm and munge are not installed, and installing them needs root and apt-get")
    for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "slurm-wlm", "munge"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        if done.returncode:
            raise CannotInstall(f"{' '.join(command)} failed: {done.stderr.strip().splitlines()[-1]}")


class OneMachineCluster:
    """The daemons of a cluster of one node, living in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = socket.gethostname().partition(".")[0]
        self.environment = self.environment_of(dict(os.environ))

    def __enter__(self) -> "OneMachineCluster":
        """Start the daemons and wait until the node takes jobs."""
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        ports = {"port": free_port(), "second_port": free_port()}
        memory = (
            os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 * 9 // 10
        )  # MiB, some of it left alone
        settings = SLURM.format(folder=self.folder, host=self.host, cores=os.cpu_count(), memory=memory, **ports)
        (self.folder / "slurm.conf").write_text(settings)
        USUAL.parent.mkdir(exist_ok=True)
        USUAL.unlink(missing_ok=True)  # at most a link that a killed test left: it leads nowhere
        USUAL.symlink_to(self.folder / "slurm.conf")
        gpus = [self.folder / f"gpu{number}" for number in range(2)]
        for gpu in gpus:  # Slurm counts device files, and any file will do
            gpu.touch()
        (self.folder / "gres.conf").write_text(f"NodeName={self.host} Name=gpu File={self.folder}/gpu[0-1]\n")
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        f = self.folder
        self.run(
            "munged",
            "--force",
            f"--key-file={key}",
            f"--socket={f}/munge.socket",
            f"--pid-file={f}/munged.pid",
            f"--log-file={f}/munged.log",
            f"--seed-file={f}/munge.seed",
        )
        self.run("slurmctld")
        self.run("slurmd")
        self.wait_for("the node is idle", lambda: "idle" in self.run("sinfo", "--noheader", "--format=%T"))
        return self

    def environment_of(self, environment: dict[str, str]) -> dict[str, str]:
        """Return an environment in which Slurm's commands speak to this cluster."""
        return {
            **environment,
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": f"{environment['PATH']}:/usr/sbin",
        }

    def __exit__(self, *_: object) -> None:
        """Cancel what runs and stop the daemons."""
        self.run("scancel", "--user=root", check=False)
        USUAL.unlink(missing_ok=True)
        for daemon in reversed(DAEMONS):
            pid = self.folder / f"{daemon}.pid"
            if pid.is_file():
                os.kill(int(pid.read_text()), signal.SIGTERM)
                self.wait_for(f"{daemon} ends", lambda pid=pid: not pid.is_file())

    def run(self, *command: str, check: bool = True) -> str:
        """Run one of Slurm's commands and return what it prints."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=60)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def jobs(self, state: str = "RUNNING") -> list[str]:
        """Return the numbers of the jobs in a state."""
        return self.run("squeue", "--noheader", f"--states={state}", "--format=%i").split()

    def state_of(self, job: str) -> str:
        """Return what Slurm says of a job: its whole record."""
        return self.run("scontrol", "show", "job", job, check=False)

    def wait_for(self, what: str, condition, patience: float = 120) -> None:
        """Wait until a condition holds.

        Raises:
            AssertionError: It does not, in `patience` seconds.
        """
        deadline = time.monotonic() + patience
        while not condition():
            if time.monotonic() > deadline:
                logs = [p.read_text()[-1500:] for p in self.folder.glob("slurm*.log")]
                raise AssertionError(f"waited {patience:.0f} s in vain until {what}:\n" + "\n".join(logs))
            time.sleep(0.5)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
