"""What Snakemake says on the screen: shortened there alone, and quiet about what was asked to end."""

import io
import logging
import signal
import subprocess
import sys

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from exaggerated_replay.workflow.screen import Brief, Quiet, screens
from exaggerated_replay.workflow.stopping import Stopped


def record(said="", event=None, **more):
    made = logging.makeLogRecord({"msg": said, "levelno": logging.INFO, "event": event})
    made.__dict__.update(more)
    return made


def test_three_files_of_a_job_are_named_and_the_record_keeps_all():
    class Whole(logging.Formatter):
        def format(self, record):
            return f"{record.input} {record.output}"

    said = record("job", LogEvent.JOB_INFO, input=["a", "b", "c"], output=["1", "2", "3", "4", "5"])
    assert Brief(Whole()).format(said) == "['a', 'b', 'c'] ['1', '2', '3', 'and 2 more']"
    assert said.output == ["1", "2", "3", "4", "5"]


def test_of_a_failed_jobs_log_the_end_is_shown_and_of_no_other(tmp_path):
    class Whole(logging.Formatter):
        def format(self, record):
            return "the job failed"

    log = tmp_path / "train.log"
    log.write_text("".join(f"{line}\n" for line in range(400)))
    said = record("job", LogEvent.JOB_ERROR, log=[str(log), str(tmp_path / "missing.log")])
    shown = Brief(Whole()).format(said)
    assert shown.splitlines() == ["the job failed", f"{log} ends in:", *(f"    {line}" for line in range(395, 400))]
    for other in (record("job", LogEvent.JOB_INFO, log=[str(log)]), record("job", LogEvent.JOB_ERROR, log=None)):
        assert Brief(Whole()).format(other) == "the job failed"


def test_only_handlers_of_a_terminal_are_changed(tmp_path):
    logger = logging.Logger("a logger of its own")
    screen, file = logging.StreamHandler(io.StringIO()), logging.FileHandler(tmp_path / "log")
    for handler in (screen, file, logging.NullHandler()):
        logger.addHandler(handler)
    assert [*screens(logger)] == [screen]
    file.close()


def test_jobs_that_only_look_are_not_shown_and_all_others_are():
    quiet = Quiet("trained")
    shown = [
        (record("Rule: train", LogEvent.JOB_INFO, rule_name="train"), True),
        (record("Finished jobid: 2 (Rule: train)", LogEvent.JOB_FINISHED), True),
        (record("1 of 4 steps", LogEvent.PROGRESS), True),
        (record("Touching output file .training/packs/1."), False),
        (record("Rule: trained", LogEvent.JOB_INFO, rule_name="trained"), False),
        (record("Warning: the following output files of rule trained were not present"), False),
        (record("Warning: the following output files of rule study were not present"), True),
        (record("Finished jobid: 3 (Rule: trained)", LogEvent.JOB_FINISHED), False),
        (record("2 of 4 steps", LogEvent.PROGRESS), False),
        (record("Finished jobid: 4 (Rule: study)", LogEvent.JOB_FINISHED), True),
        (record("3 of 4 steps", LogEvent.PROGRESS), True),
    ]
    assert [quiet.filter(said) for said, _ in shown] == [expected for _, expected in shown]


ENDED = "Command 'set -euo pipefail; exec train 1' returned non-zero exit status 143."
FAILED = "Command 'set -euo pipefail; exec train 2' returned non-zero exit status 1."


def test_errors_are_shown_unless_the_job_was_asked_to_end():
    stopped = Stopped()
    assert stopped.filter(record(ENDED, LogEvent.ERROR))
    stopped.asked = True
    assert not stopped.filter(record(ENDED, LogEvent.ERROR))
    assert not stopped.filter(record("Error in rule train", LogEvent.JOB_ERROR, shellcmd="exec train 1"))
    assert not stopped.filter(record("At least one job failed", LogEvent.ERROR, exception="WorkflowError"))
    assert stopped.filter(record("1 of 4 steps", LogEvent.PROGRESS))


def test_a_job_that_fails_by_itself_is_shown_whatever_was_asked():
    stopped = Stopped()
    stopped.asked = True
    assert stopped.filter(record(FAILED, LogEvent.ERROR))
    assert stopped.filter(record("Error in rule train", LogEvent.JOB_ERROR, shellcmd="exec train 2"))
    assert stopped.filter(record("At least one job failed", LogEvent.ERROR, exception="WorkflowError"))


@pytest.fixture
def signals():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_request_to_stop_reaches_the_jobs_and_then_whoever_listened_before(signals):
    heard = []
    signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    job = subprocess.Popen([sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"], stdout=-1)
    job.stdout.readline()
    stopped = Stopped()
    stopped.listen()
    signal.raise_signal(signal.SIGTERM)
    assert job.wait(timeout=30) == -signal.SIGTERM
    job.stdout.close()
    assert heard == [signal.SIGTERM]
    assert stopped.asked


def test_ctrl_c_goes_to_the_jobs_by_itself(signals):
    job = subprocess.Popen([sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"], stdout=-1)
    job.stdout.readline()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have let the tests ignore it
    stopped = Stopped()
    stopped.listen()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert job.poll() is None and stopped.asked
    job.kill()
    job.wait()
    job.stdout.close()
