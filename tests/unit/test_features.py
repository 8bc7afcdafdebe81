"""Frozen features: computed once, mapped into memory, the same whatever the chunks."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from exaggerated_replay.data.prepared import Prepared
from exaggerated_replay.errors import UserError
from exaggerated_replay.features.encoder import ConvEncoder, initialise
from exaggerated_replay.features.extraction import extract, load_encoder, write_features

MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]


@pytest.fixture
def encoder(tmp_path):
    """A trained encoder: its batch norm has seen something."""
    network = ConvEncoder()
    initialise(network, 0)
    network(torch.randn(64, 3, 32, 32))
    save_file(network.state_dict(), tmp_path / "encoder.safetensors")
    return network.eval()


def colour_images(n=5, seed=0, **changes):
    draw = np.random.default_rng(seed)
    x = draw.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
    values = {"x_train": x, "y_train": np.arange(n) % 2, "x_test": x[::-1].copy(), "y_test": np.arange(n)[::-1] % 2}
    return Prepared(**{**values, "scale": 255.0, "bounded": True, "image_values": 3072, **changes})


def test_features_are_those_of_the_encoder_in_evaluation_mode(encoder, tmp_path):
    data = colour_images()
    found = extract(data.x_train, load_encoder(tmp_path / "encoder.safetensors"), MEAN, STD, torch.device("cpu"))
    x = (data.x_train / 255 - np.array(MEAN)) / np.array(STD)
    expected = encoder(torch.from_numpy(x.astype(np.float32)).permute(0, 3, 1, 2))
    np.testing.assert_allclose(found.numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-5)
    assert found.dtype == torch.float32


def test_features_are_scaled(encoder, tmp_path):
    x, path, cpu = colour_images().x_train, tmp_path / "encoder.safetensors", torch.device("cpu")
    plain, half = (extract(x, load_encoder(path, scale), MEAN, STD, cpu) for scale in (1.0, 0.5))
    np.testing.assert_array_equal(half, 0.5 * plain)  # a power of two: not a bit is lost


def test_what_is_written_is_read_again_with_the_size_of_the_image(encoder, tmp_path):
    data = colour_images()
    write_features(data, encoder, MEAN, STD, torch.device("cpu"), 1, tmp_path / "f.safetensors")
    found = load_features(tmp_path / "f.safetensors")
    assert (found.image_values, found.inputs, found.scale, found.bounded) == (3072, 1024, 1.0, False)
    np.testing.assert_array_equal(found.y_test, data.y_test)
    np.testing.assert_array_equal(found.x_test, extract(data.x_test, encoder, MEAN, STD, torch.device("cpu")))


def test_they_are_the_same_bytes_twice(encoder, tmp_path):
    for name in ("a", "b"):
        write_features(colour_images(), encoder, MEAN, STD, torch.device("cpu"), 1, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "changes",
    [
        {"x_train": np.zeros((5, 28, 28), np.uint8)},
        {"x_train": np.zeros((5, 28, 28, 1), np.uint8)},
        {"x_train": np.zeros((5, 32, 32, 3), np.float32)},
        {"x_train": np.zeros((5, 10), np.float32)},
    ],
)
def test_what_is_no_colour_image_is_refused(encoder, tmp_path, changes):
    with pytest.raises(UserError, match="needs colour images"):
        write_features(colour_images(**changes), encoder, MEAN, STD, torch.device("cpu"), 1, tmp_path / "f")
    assert not (tmp_path / "f").exists()


def test_a_file_that_is_no_encoder_is_named(tmp_path):
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    for name in ("other.safetensors", "text.safetensors", "absent.safetensors"):
        with pytest.raises(UserError, match=f"{name} holds no trained encoder"):
            load_encoder(tmp_path / name)


def test_a_file_that_holds_no_features_is_named(tmp_path):
    save_file({"x_train": torch.zeros(3)}, tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    for name in ("other.safetensors", "text.safetensors", "absent.safetensors"):
        with pytest.raises(UserError, match=f"{name} is no file of features"):
            load_features(tmp_path / name)
