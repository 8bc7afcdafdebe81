"""Results that travel: to a folder, to a server that speaks S3, and back, whole or not at all."""

import asyncio
from threading import Thread

import asyncssh
import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.integration.outputs import OUTPUTS, VARYING, digests, records


def test_a_clone_finds_what_was_pushed_where_the_remote_of_the_other_is(pull):
    clone = pull()
    assert not clone.planned("models") - {"models", "total"}
    assert "runs are right" in clone.run("exaggerated-replay", "verify").output


def taken_elsewhere(clone, path):
    """Push a clone's study, pull it into another clone, and make sure that it arrived whole."""
    clone.run("dvc", "push")
    clone.run("git", "clone", "-q", ".", str(path))
    other = type(clone)(path)
    other.run("dvc", "pull")
    assert other.runs() == clone.runs()
    assert "runs are right" in other.run("exaggerated-replay", "verify").output
    return other


@pytest.fixture
def bucket(monkeypatch):
    """An empty bucket of a server that speaks S3; its address."""
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=address).create_bucket(Bucket="study")
    yield address
    server.stop()


def test_a_study_travels_over_s3_and_a_checkpoint_damaged_on_the_way_is_never_used(recorded, bucket, tmp_path):
    clone = recorded.copy(tmp_path / "clone")
    clone.run("dvc", "remote", "add", "--force", "--default", "storage", "s3://study/runs")
    clone.run("dvc", "remote", "modify", "storage", "endpointurl", bucket)
    clone.commit("where the results are")
    other = taken_elsewhere(clone, tmp_path / "other")

    weights = other.path / "results/runs" / clone.plan()["cells"]["rr-ra"]["runs"][0] / "model.safetensors"
    name = weights.parent.name
    lock = (other.path / "dvc.lock").read_bytes()
    damage(weights)
    told = other.run("exaggerated-replay", "verify", check=False)
    assert told.returncode == 2
    assert f"{name}/model.safetensors is not the file that its record names" in told.output
    assert f"{name}/model.safetensors is not the checkpoint" in other.run("exaggerated-replay", "explain", name).output

    weights.unlink()
    other.run("dvc", "checkout", "results/runs")
    assert other.runs() == clone.runs()
    assert "runs are right" in other.run("exaggerated-replay", "verify").output

    damage(weights)
    assert f"{name}/model.safetensors is not the checkpoint" in other.run("dvc", "repro").output
    assert other.runs() == clone.runs()  # trained again
    assert (other.path / "dvc.lock").read_bytes() == lock


def damage(path):
    """Change the last bit of a file, and leave other names of its content alone."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.unlink()
    path.write_bytes(content)


class AnyoneMayEnter(asyncssh.SSHServer):
    def begin_auth(self, username):
        return False


@pytest.fixture
def machine(tmp_path):
    """The address of an empty folder on a server that speaks SSH."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)  # a failing start must not keep the tests from ending
    thread.start()
    key = asyncssh.generate_private_key("ssh-ed25519")

    async def listen():
        return await asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[key], server_factory=AnyoneMayEnter, sftp_factory=True
        )

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    yield f"ssh://someone@127.0.0.1:{server.get_port()}{tmp_path}/storage"
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_study_travels_over_ssh(recorded, machine, tmp_path):
    clone = recorded.copy(tmp_path / "clone")
    clone.run("dvc", "remote", "add", "--force", "--default", "storage", machine)
    clone.commit("where the results are")
    taken_elsewhere(clone, tmp_path / "other")


def test_records_from_another_machine_make_the_tables_without_training(finished, fresh, tmp_path):
    finished.run("exaggerated-replay", "export", str(tmp_path / "records.jsonl"))
    other = fresh.copy(tmp_path / "other")
    told = other.run("exaggerated-replay", "import", str(tmp_path / "records.jsonl")).output
    assert f"{len(records(finished))} records imported, 0 were here already" in told
    assert records(other) == records(finished)
    assert not {job for job in other.planned("metrics") if job.startswith("train")}
    other.snakemake("metrics")
    assert digests(other, set(OUTPUTS) - VARYING) == digests(finished, set(OUTPUTS) - VARYING)
    assert "without a checkpoint" in other.run("exaggerated-replay", "verify").output
