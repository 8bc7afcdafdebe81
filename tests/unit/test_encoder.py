"""The convolutional encoder: its layers, its inputs, its augmentation, and its pre-training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import correlate2d

from exaggerated_replay.errors import UserError
from exaggerated_replay.features.augmentation import augment
from exaggerated_replay.features.encoder import ConvEncoder, initialise, normalise, pretraining_classifier
from exaggerated_replay.features.pretraining import Images, accuracy, learning_rate, pretrain
from exaggerated_replay.settings.encoder import PretrainingSettings
from exaggerated_replay.states import mark_of, read_state, write_state

CHANNELS = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3]}


def images(per_class=12, classes=2, side=8, seed=0):
    """Images of noise; the class sets the brightness of one channel."""
    draw = np.random.default_rng(seed)
    y = np.arange(classes).repeat(per_class)
    x = draw.integers(0, 120, (len(y), side, side, 3))
    x[np.arange(len(y)), :, :, y] += 100
    return Images(torch.from_numpy(x.astype(np.uint8)), torch.from_numpy(y), **CHANNELS)


def settings(**changes):
    values = {"epochs": 3, "batch": 8, "learning_rate": 1e-3, "units": 16, "threads": 1}
    return PretrainingSettings(**{**values, **changes})


def ignore(epoch):
    pass


class TestEncoder:
    def test_a_cifar_image_becomes_1024_features_half_of_them_negative(self):
        encoder = ConvEncoder().eval()
        initialise(encoder, 0)
        features = encoder(torch.randn(4, 3, 32, 32))
        assert features.shape == (4, 1024)
        assert 0.2 < (features < 0).float().mean() < 0.8

    def test_it_has_the_published_number_of_weights(self):
        weights = 9 * (3 * 16 + 16 * 32 + 32 * 64 + 64 * 128 + 128 * 256)
        batch_norm = 2 * (16 + 32 + 64 + 128)
        assert sum(p.numel() for p in ConvEncoder().parameters()) == weights + 256 + batch_norm

    def test_layers_are_what_scipy_computes(self):
        encoder = ConvEncoder().eval()
        initialise(encoder, 1)
        x = torch.randn(1, 3, 8, 8)
        h = x[0].numpy().astype(float)
        state = {key: value.double().numpy() for key, value in encoder.state_dict().items()}
        for number in range(5):
            kernel = state[f"{3 * number}.weight"]
            h = np.stack([sum(correlate2d(h[c], k[c], "same") for c in range(len(h))) for k in kernel])
            if number > 0:
                h = h[:, ::2, ::2]
            # Batch norm as it starts: mean 0, variance 1.
            h = np.maximum(h / np.sqrt(1 + 1e-5), 0) if number < 4 else h + state["12.bias"][:, None, None]
        np.testing.assert_allclose(encoder(x).detach().numpy()[0], h.ravel(), rtol=1e-4, atol=1e-6)

    @pytest.mark.parametrize("side", [8, 16, 32, 40])
    def test_the_classifier_fits_images_of_any_size(self, side):
        network = pretraining_classifier(ConvEncoder(), side, units=5, classes=3)
        assert network(torch.randn(2, 3, side, side)).shape == (2, 3)

    def test_initial_weights_are_uniform_within_the_inverse_root_of_the_fan_in(self):
        network = pretraining_classifier(ConvEncoder(), 32, units=50, classes=10)
        initialise(network, 3)
        for layer, fan_in in ((network[0][0], 27), (network[0][12], 128 * 9), (network[1], 1024), (network[5], 50)):
            bound = fan_in**-0.5
            assert layer.weight.detach().abs().max() <= bound
            assert float(layer.weight.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.1)

    def test_normalise_is_per_channel_and_keeps_the_memory_in_place(self):
        x = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype(np.uint8))
        expected = (x.numpy() / 255 - np.array(CHANNELS["mean"])) / np.array(CHANNELS["std"])
        found = normalise(x, **CHANNELS)
        np.testing.assert_allclose(found.permute(0, 2, 3, 1).numpy(), expected, rtol=1e-5, atol=1e-6)
        assert found.is_contiguous(memory_format=torch.channels_last)


class TestAugmentation:
    @given(side=st.integers(5, 9), padding=st.integers(0, 4), seed=st.integers(0, 99))
    def test_every_result_is_a_crop_of_the_symmetrically_padded_image_or_its_mirror_image(self, side, padding, seed):
        draw = np.random.default_rng(seed)
        x = draw.integers(0, 256, (3, side, side, 3)).astype(np.uint8)
        result = augment(torch.from_numpy(x), torch.Generator().manual_seed(seed), padding).numpy()
        for image, found in zip(x, result, strict=True):
            edges = ((padding, padding), (padding, padding), (0, 0))
            padded = np.pad(image, edges, mode="symmetric")
            crops = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(0, 1))
            crops = crops.transpose(0, 1, 3, 4, 2).reshape(-1, side, side, 3)
            assert any((found == crop).all() or (found == crop[:, ::-1]).all() for crop in crops)

    def test_all_offsets_and_both_directions_are_drawn_equally_often(self):
        rows, columns = np.meshgrid(np.arange(9), np.arange(9), indexing="ij")
        image = np.stack([rows, columns, rows], axis=2).astype(np.uint8)
        batch = torch.from_numpy(np.tile(image, (4000, 1, 1, 1)))
        result = augment(batch, torch.Generator().manual_seed(0), padding=1).numpy()
        middle = result[:, 4, 4]  # 3, 4 or 5 by the offset; the direction shows in the neighbour
        assert {value: (middle[:, 0] == value).mean() for value in (3, 4, 5)} == pytest.approx(
            {3: 1 / 3, 4: 1 / 3, 5: 1 / 3}, abs=0.03
        )
        mirrored = result[:, 4, 5, 1] < result[:, 4, 4, 1]
        assert mirrored.mean() == pytest.approx(0.5, abs=0.03)

    def test_images_that_share_a_batch_are_cropped_apart(self):
        image = torch.arange(81, dtype=torch.uint8).reshape(1, 9, 9, 1).expand(20, 9, 9, 3)
        result = augment(image, torch.Generator().manual_seed(0))
        assert len({r.numpy().tobytes() for r in result}) > 10


class TestPretraining:
    def test_it_learns_and_the_curve_says_so(self, tmp_path):
        curve = pretrain(settings(epochs=6), images(40), images(10, seed=1), tmp_path / "state", ignore)[1]
        assert [point.epoch for point in curve] == [1, 2, 3, 4, 5, 6]
        assert curve[-1].loss < curve[0].loss
        assert curve[-1].test_accuracy > 0.9

    def test_the_test_accuracy_is_measured_in_evaluation_mode_and_without_augmentation(self):
        test_set = images(10)
        network = pretraining_classifier(ConvEncoder(), 8, 16, 2)
        initialise(network, 0)
        x = (test_set.x.double() / 255 - torch.tensor(CHANNELS["mean"])) / torch.tensor(CHANNELS["std"])
        scores = network.eval()(x.float().permute(0, 3, 1, 2))
        expected = (scores.argmax(1) == test_set.y).double().mean()
        network.train()
        assert accuracy(network, test_set, chunk=7) == pytest.approx(float(expected))

    @pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
    @pytest.mark.parametrize("finished", [1, 2])
    def test_an_interrupted_training_ends_in_the_same_bytes(self, tmp_path, schedule, finished):
        def interrupt(point):
            if point.epoch == finished:
                raise KeyboardInterrupt

        chosen = settings(schedule=schedule)
        whole, curve = pretrain(chosen, images(), images(), tmp_path / "whole", ignore)
        with pytest.raises(KeyboardInterrupt):
            pretrain(chosen, images(), images(), tmp_path / "parts", interrupt)
        rest = []
        resumed, again = pretrain(chosen, images(), images(), tmp_path / "parts", rest.append)
        assert [point.epoch for point in rest] == list(range(finished + 1, 4))
        assert again == curve
        for (name, a), b in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
            assert torch.equal(a, b), name
        assert (tmp_path / "whole").read_bytes() == (tmp_path / "parts").read_bytes()

    def test_seeds_differ_and_the_same_seed_does_not(self, tmp_path):
        ends = [
            pretrain(settings(epochs=1, seed=seed), images(), images(), tmp_path / str(number), ignore)[1]
            for number, seed in enumerate([0, 0, 1])
        ]
        assert ends[0] == ends[1] != ends[2]

    def test_a_damaged_state_is_not_used_and_not_lost(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        state = tmp_path / "encoder-1" / "state"
        curve = pretrain(settings(), images(), images(), state, ignore)[1]
        damaged = state.read_bytes()[:1000]
        for number in (1, 2):
            state.write_bytes(damaged)
            assert pretrain(settings(), images(), images(), state, ignore)[1] == curve
            kept = Path(f".training/aside/state.{number}")
            assert kept.read_bytes() == damaged
            told = (
                f"{state}: it is not a state that encoder-1 can go on from; moved to {kept}, and training starts anew"
            )
            assert capsys.readouterr().err == f"{told}\n"

    @pytest.mark.parametrize("other", [{"device": "cuda"}, {"torch": "1.0"}, {"run": "encoder-2"}])
    def test_a_state_of_another_encoder_device_or_torch_is_not_gone_on_from(self, other, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        state = tmp_path / "encoder-1" / "state"
        pretrain(settings(), images(), images(), state, ignore)
        mark = mark_of("encoder-1", torch.device("cpu"))
        write_state(state, {**mark, **other}, read_state(state, mark))
        before, again = state.read_bytes(), []
        pretrain(settings(), images(), images(), state, again.append)
        assert [point.epoch for point in again] == [1, 2, 3]
        assert Path(".training/aside/state.1").read_bytes() == before
        ((key, value),) = other.items()
        assert f"it was saved with {key} {value} and not {mark[key]}; moved to" in capsys.readouterr().err

    def test_a_finished_training_is_not_repeated(self, tmp_path):
        pretrain(settings(), images(), images(), tmp_path / "state", ignore)
        again = []
        assert len(pretrain(settings(), images(), images(), tmp_path / "state", again.append)[1]) == 3
        assert again == []

    def test_a_batch_larger_than_the_data_is_refused_with_both_numbers(self, tmp_path):
        with pytest.raises(UserError, match=r"encoder\.pretraining\.batch is 25, but there are only 24"):
            pretrain(settings(batch=25), images(), images(), tmp_path / "state", ignore)

    def test_a_loss_that_is_no_number_is_reported(self, tmp_path):
        with pytest.raises(UserError, match=r"epoch 1: lower encoder\.pretraining\.learning_rate"):
            pretrain(settings(learning_rate=1e38), images(), images(), tmp_path / "state", ignore)

    def test_one_cycle_rises_over_a_fifth_and_falls_to_nothing(self):
        cycle = settings(schedule="one_cycle", learning_rate=2.0)
        rates = [learning_rate(cycle, step, 100) for step in range(100)]
        assert rates[0] == pytest.approx(0.1)
        assert max(rates) == rates[19] == pytest.approx(2.0)
        assert rates[60] == pytest.approx(1.0)
        assert 0 < rates[-1] < 0.03

    def test_constant_is_constant(self):
        assert {learning_rate(settings(), step, 10) for step in range(10)} == {1e-3}
