"""Every purpose has random numbers of its own."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from exaggerated_replay.streams import stream


def numbers(generator, n=5):
    return torch.randn(n, generator=generator).tolist()


def test_same_seed_and_purpose_give_the_same_numbers():
    assert numbers(stream(3, "replay")) == numbers(stream(3, "replay"))


def test_another_purpose_or_seed_gives_other_numbers():
    draws = [numbers(stream(seed, purpose)) for seed in (0, 1) for purpose in ("replay", "data order")]
    assert len({tuple(draw) for draw in draws}) == 4


def test_the_stream_is_the_same_in_every_process_and_version():
    # The first 16 hex digits of `printf '0/data order' | sha256sum`, halved.
    assert stream(0, "data order").initial_seed() == 0xC6B8B4E84CA70041 // 2


def test_drawing_for_one_purpose_never_shifts_another():
    undisturbed = numbers(stream(0, "replay"), 10)
    replay, other = stream(0, "replay"), stream(0, "latent noise")
    first = numbers(replay)
    numbers(other, 1000)
    assert first + numbers(replay) == undisturbed


def test_a_stream_neither_hears_nor_disturbs_the_global_generator():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    draw = numbers(stream(0, "replay"))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert numbers(stream(0, "replay")) == draw


def test_streams_of_two_purposes_are_uncorrelated():
    a, b = (numbers(stream(0, purpose), 10_000) for purpose in ("replay", "latent noise"))
    assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(10_000)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.text(max_size=20)), min_size=2, max_size=20, unique=True))
def test_no_two_streams_share_a_seed(keys):
    assert len({stream(*key).initial_seed() for key in keys}) == len(keys)
