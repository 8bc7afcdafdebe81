"""The job that trains an encoder: one that is there already is not trained again."""

import torch

from exaggerated_replay.features import job
from exaggerated_replay.places import ENCODER_WEIGHTS, RECORD


def test_an_encoder_that_another_process_has_finished_meanwhile_is_left_alone(tmp_path, monkeypatch):
    """As when its workflow was killed, the job went on, and the same command was given again."""
    monkeypatch.setattr(job, "pretrain", lambda *_: 1 / 0)
    target = tmp_path / "encoders/long"
    target.mkdir(parents=True)
    for name in (RECORD, ENCODER_WEIGHTS):
        (target / name).write_text("finished")
    places = {"workspace": tmp_path / "training", "timings": tmp_path / "timings", "target": target}
    job.train_encoder(None, None, {}, torch.device("cpu"), **places)
    assert {path.read_text() for path in target.iterdir()} == {"finished"}
    assert not (tmp_path / "timings").exists() and not [*(tmp_path / "training").iterdir()]
