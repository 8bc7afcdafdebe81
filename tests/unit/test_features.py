"""Frozen features: computed once, brought to a stated deviation, mapped into memory, the same whatever the chunks."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from torchvision import models

from exaggerated_replay.data.facts import check_colours
from exaggerated_replay.data.prepared import Prepared, load
from exaggerated_replay.errors import UserError
from exaggerated_replay.features import extraction
from exaggerated_replay.features.architectures import load_encoder
from exaggerated_replay.features.encoder import ConvEncoder, initialise
from exaggerated_replay.features.extraction import Inputs, deviation_of, extract, write_features
from exaggerated_replay.settings.data import SourceSettings

MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]
PLAIN = Inputs(MEAN, STD)
CPU = torch.device("cpu")


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
    return Prepared(**{**values, "scale": 255.0, "bounded": True, **changes})


def write(encoder, target, deviation=None, data=None, made_from="a" * 64):
    write_features(data or colour_images(), encoder, PLAIN, deviation, CPU, target, made_from)
    return target


def seen(images):
    """Images as the encoder sees them, by numpy."""
    x = (images / 255 - np.array(MEAN)) / np.array(STD)
    return torch.from_numpy(x.astype(np.float32)).permute(0, 3, 1, 2)


def test_features_are_those_of_the_encoder_in_evaluation_mode(encoder, tmp_path):
    images = colour_images().x_train
    found = extract(images, load_encoder(tmp_path / "encoder.safetensors"), PLAIN, CPU)
    np.testing.assert_allclose(found.numpy(), encoder(seen(images)).detach().numpy(), rtol=1e-4, atol=1e-5)
    assert found.dtype == torch.float32


def test_the_size_of_chunks_changes_nothing(encoder, monkeypatch):
    whole = extract(colour_images(7).x_train, encoder, PLAIN, CPU)
    monkeypatch.setattr(extraction, "CHUNK", 3)
    torch.testing.assert_close(extract(colour_images(7).x_train, encoder, PLAIN, CPU), whole)


@pytest.mark.parametrize("deviation", [0.41, 3.0])
def test_features_of_the_training_images_get_the_deviation_that_is_asked_for(encoder, tmp_path, deviation):
    data = colour_images(40, x_test=colour_images(9, seed=1).x_train // 2, y_test=np.arange(9) % 2)
    plain = load(write(encoder, tmp_path / "plain.safetensors", data=data))
    found = load(write(encoder, tmp_path / "brought.safetensors", deviation, data))
    assert found.x_train.astype(np.float64).std() == pytest.approx(deviation, rel=1e-6)
    factor = deviation / plain.x_train.astype(np.float64).std()
    np.testing.assert_allclose(found.x_test, plain.x_test * factor, rtol=1e-5)  # by the same factor
    with safe_open(tmp_path / "brought.safetensors", framework="np") as file:
        about = json.loads(file.metadata()["about"])
    assert about["factor"] == pytest.approx(factor, rel=1e-6)
    assert about["deviation"] == pytest.approx(plain.x_train.astype(np.float64).std(), rel=1e-6)


def test_without_a_deviation_they_stay_as_they_are(encoder, tmp_path):
    found = load(write(encoder, tmp_path / "f.safetensors"))
    np.testing.assert_array_equal(found.x_train, extract(colour_images().x_train, encoder, PLAIN, CPU))


def test_the_deviation_is_over_all_values_about_their_mean():
    values = 1000 + np.arange(6, dtype=np.float32).reshape(2, 3)
    assert deviation_of(values) == pytest.approx((35 / 12) ** 0.5, rel=1e-12)


def test_features_that_are_all_the_same_are_refused(encoder, tmp_path):
    torch.nn.init.zeros_(encoder[12].weight)
    torch.nn.init.zeros_(encoder[12].bias)
    with pytest.raises(UserError, match=r"a standard deviation of 0\.0: check encoder\.weights"):
        write(encoder, tmp_path / "f.safetensors", 0.41)
    assert not (tmp_path / "f.safetensors").exists()


def test_what_is_written_is_read_again(encoder, tmp_path):
    data = colour_images()
    found = load(write(encoder, tmp_path / "f.safetensors", data=data), "a" * 64)
    assert (found.inputs, found.scale, found.bounded, found.made_from) == (1024, 1.0, False, "a" * 64)
    np.testing.assert_array_equal(found.y_test, data.y_test)
    with pytest.raises(UserError, match=r"f\.safetensors was made from other data than this study's"):
        load(tmp_path / "f.safetensors", "b" * 64)


def test_they_are_the_same_bytes_twice(encoder, tmp_path):
    for name in ("a", "b"):
        write(encoder, tmp_path / name, 0.41)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("name", ["x_train", "y_train", "x_test", "y_test"])
def test_other_values_under_the_same_digests_are_noticed(encoder, tmp_path, name):
    path = write(encoder, tmp_path / "f.safetensors")
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    arrays = load_file(path)
    arrays[name] = arrays[name].roll(1, 0)
    save_file(arrays, path, metadata)
    with pytest.raises(UserError, match=r"f\.safetensors is damaged.*run the workflow again, which makes it again"):
        load(path)


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
        write(encoder, tmp_path / "f", data=colour_images(**changes))
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(("height", "width"), [(48, 32), (32, 48)])
def test_images_to_train_an_encoder_on_are_square(tmp_path, height, width):
    x, y = np.zeros((5, height, width, 3), np.uint8), np.arange(5) % 2
    np.savez(tmp_path / "mine.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    named = SourceSettings(name="npz", source=str(tmp_path / "mine.npz"), reader="npz")
    check_colours(named, tmp_path / "prepared.npz", "dataset.source")
    with pytest.raises(UserError, match=rf"trained on square images, but those in .* have {height} x {width} pixels"):
        check_colours(named, tmp_path / "prepared.npz", "encoder.images.source", square=True)


def test_a_file_that_holds_no_features_is_named(tmp_path):
    save_file({"x_train": torch.zeros(3)}, tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    for name in ("other.safetensors", "text.safetensors"):
        with pytest.raises(UserError, match=f"{name} is not a readable file of features; run the workflow again"):
            load(tmp_path / name)


# ---------------------------------------------------------------- other architectures


def in_the_names_of_the_publication(encoder, path):
    """The same encoder as the publication's file has it: other names, and biases before batch norm."""
    convolutions = [layer for layer in encoder if isinstance(layer, torch.nn.Conv2d)]
    norms = [layer for layer in encoder if isinstance(layer, torch.nn.BatchNorm2d)]
    state = {}
    for number, layer in enumerate(convolutions, start=1):
        state |= {f"convLayer{number}.conv.{name}": value for name, value in layer.state_dict().items()}
    for number, layer in enumerate(norms, start=1):
        bias = torch.randn(layer.num_features, generator=torch.Generator().manual_seed(number))
        state |= {f"convLayer{number}.bn.{name}": value for name, value in layer.state_dict().items()}
        state[f"convLayer{number}.conv.bias"] = bias
        state[f"convLayer{number}.bn.running_mean"] = layer.running_mean + bias  # it saw every value that much larger
    torch.save({"state": state}, path)


def test_the_publications_file_is_the_same_encoder_under_other_names(encoder, tmp_path):
    in_the_names_of_the_publication(encoder, tmp_path / "C3")
    images = colour_images().x_train
    found = extract(images, load_encoder(tmp_path / "C3"), PLAIN, CPU)
    np.testing.assert_allclose(found.numpy(), encoder(seen(images)).detach().numpy(), rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory):
    """A small classifier of seven classes with random weights, saved in both ways."""
    torch.manual_seed(0)
    network = models.mobilenet_v3_small(weights=None, num_classes=7).eval()
    folder = tmp_path_factory.mktemp("weights")
    torch.save(network.state_dict(), folder / "net.pth")
    save_file(network.state_dict(), folder / "net.safetensors")
    return network, folder


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
def test_features_of_a_torchvision_model_are_what_its_last_layer_sees(mobilenet, name):
    network, folder = mobilenet
    captured = []
    network.classifier[3].register_forward_hook(lambda layer, inputs, output: captured.append(inputs[0]))
    images = colour_images(3).x_train
    found = extract(images, load_encoder(folder / name, "mobilenet_v3_small"), PLAIN, CPU)
    network(seen(images))
    torch.testing.assert_close(found, captured[0], rtol=1e-4, atol=1e-5)
    assert found.shape == (3, 1024)


def test_images_are_brought_to_the_size_asked_for():
    images = colour_images(2).x_train
    found = Inputs(MEAN, STD, 48).of(torch.from_numpy(images))
    expected = F.interpolate(seen(images), (48, 48), mode="bilinear", antialias=True)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    flat = Inputs(MEAN, STD, 8).of(torch.full((1, 32, 32, 3), 200, dtype=torch.uint8))
    np.testing.assert_allclose(flat[0, :, 0, 0], (200 / 255 - np.array(MEAN)) / np.array(STD), rtol=1e-5)


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ("squeezenet1_1", "is squeezenet1_1, whose last layer is not linear"),
        ("resnet18", "there is no fc.weight, so these are not the weights of resnet18"),
        ("mobilenet_v3_large", "does not hold the weights of mobilenet_v3_large"),
        ("conv5", "does not hold the weights of conv5"),
        ("nothing", "encoder.architecture is 'nothing': choose conv5, or a classifier"),
        ("fcn_resnet50", "choose conv5, or a classifier"),
    ],
)
def test_what_does_not_fit_is_said(mobilenet, architecture, message):
    with pytest.raises(UserError, match=message):
        load_encoder(mobilenet[1] / "net.safetensors", architecture)


def test_a_model_that_takes_one_size_only_says_so(tmp_path):
    network = models.VisionTransformer(32, 16, 1, 2, 8, 16).eval()
    with pytest.raises(UserError, match=r"cannot take images of 40x40 pixels .*set encoder\.image_size"):
        extract(colour_images(1).x_train, network, Inputs(MEAN, STD, 40), CPU)


class Trap:
    """Unpickling this writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_files_without_weights_are_named_and_never_run(tmp_path):
    (tmp_path / "text.safetensors").write_text("hello")
    (tmp_path / "text.pth").write_text("hello")
    torch.save(Trap(tmp_path / "sprung"), tmp_path / "trap.pth")
    for name in ("text.safetensors", "absent.safetensors", "text.pth", "absent.pth", "trap.pth"):
        with pytest.raises(UserError, match=f"{name} does not hold weights that can be read"):
            load_encoder(tmp_path / name)
    assert not (tmp_path / "sprung").exists()
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(UserError, match=r"list\.pth must hold a state dictionary"):
        load_encoder(tmp_path / "list.pth")
