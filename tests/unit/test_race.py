"""Races of simulated candidates: how often the best wins, what it costs, and who drops out why."""

from math import inf

import numpy as np
import pandas as pd
import pytest

from exaggerated_replay.analysis.statistics import anytime
from exaggerated_replay.analysis.statistics.anytime import fewest_seeds
from exaggerated_replay.analysis.statistics.race import leads, losers, race
from exaggerated_replay.errors import UserError

ALPHA, G, MARGIN = 0.05, 1.0, 1.0
NAMES = [f"candidate {number}" for number in range(9)]
SEEDS = range(40)


def simulated(means, draw, spread=1.0):
    """Scores with an effect of the seed that all candidates share, and a spread of their own."""
    rng = np.random.default_rng(draw)
    table = (
        70 + 5 * rng.normal(size=(len(SEEDS), 1)) + np.array(means) + spread * rng.normal(size=(len(SEEDS), len(means)))
    )
    return pd.DataFrame(table, index=[*SEEDS], columns=NAMES[: len(means)])


def raced(table, seeds=SEEDS, resolution=0.0):
    asked = []

    def run(candidates, some):
        asked.append((tuple(candidates), len(some)))
        return table.loc[[*some], [*candidates]], resolution

    return race([*table], seeds, run, ALPHA, G, MARGIN, tell=lambda said: None), asked


def test_the_best_wins_at_the_stated_rate_and_for_half_of_the_runs():
    means = [0, 1, 2, 3, 4, 5, 6, 7, 10]
    races = [raced(simulated(means, draw))[0] for draw in range(60)]
    assert sum(found.winner == NAMES[8] for found in races) >= 0.95 * len(races)
    assert all(found.decided for found in races)
    assert np.mean([found.runs for found in races]) <= 0.5 * len(NAMES) * len(SEEDS)


def test_of_candidates_that_hardly_differ_the_winner_is_within_the_margin_of_the_best():
    means = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 3.5, 3.8, 4.0]
    races = [raced(simulated(means, draw))[0] for draw in range(40)]
    early = [found for found in races if found.decided]
    assert sum(means[NAMES.index(found.winner)] > 4.0 - MARGIN for found in races) >= 0.95 * len(races)
    assert len(early) > 20
    assert np.mean([found.runs for found in races]) <= 0.5 * len(NAMES) * len(SEEDS)


def test_the_best_hardly_ever_drops_out_where_all_are_the_same():
    means = [0.0] * 5
    out = sum(NAMES[0] in raced(simulated(means, draw))[0].dropped for draw in range(100))
    assert out <= 0.05 * 100


def test_scores_that_are_the_same_by_chance_decide_nothing_where_an_image_is_worth_much():
    table = simulated([0, 0], 1)
    table[:] = 50.0
    exact, _ = raced(table)
    assert (exact.decided, exact.runs) == (True, 2 * fewest_seeds(G, ALPHA))
    coarse, _ = raced(table, resolution=2 * MARGIN)
    assert coarse.runs > exact.runs


def test_whoever_dropped_out_runs_no_more():
    found, asked = raced(simulated([0, 0.5, 20], 3))
    assert asked[0] == (tuple(NAMES[:3]), fewest_seeds(G, ALPHA / 2))
    assert all(set(later[0]) < set(asked[0][0]) for later in asked[1:])
    assert [counts for _, counts in asked] == sorted({counts for _, counts in asked})
    assert (found.winner, found.left) == (NAMES[2], (NAMES[2],))
    assert found.runs == sum(len(found.scores[name]) for name in NAMES[:3])
    assert all(why.startswith(f"is worse than {NAMES[2]} by ") for why in found.dropped.values())


def test_without_seeds_the_highest_mean_wins_and_nothing_is_decided():
    table = simulated([0, 0.2], 1)
    found, asked = raced(table, seeds=[3, 5])
    assert asked == [((NAMES[0], NAMES[1]), 2)]
    assert found.winner == table.loc[[3, 5]].mean().idxmax()
    assert not found.decided
    assert found.dropped == {}


def test_a_candidate_that_diverged_drops_out():
    table = simulated([0, 1, 30], 2)
    table.loc[4, NAMES[2]] = np.nan
    found, _ = raced(table)
    assert found.dropped[NAMES[2]] == "diverged at seed 4"
    assert found.winner == NAMES[1]
    with pytest.raises(UserError, match="every candidate diverged"):
        raced(table * np.nan)


def test_the_fewest_seeds_are_those_at_which_an_interval_ends_somewhere():
    # E_n can reach (1 + n g)^((n - 1) / 2) at most: it passes 1 / alpha = 20 first at 5 seeds, 6^2 = 36; 5^1.5 = 11.2
    assert fewest_seeds(1.0, 0.05) == 5
    assert anytime.half_width(5, 1.0, 1.0, 0.05) < anytime.half_width(4, 1.0, 1.0, 0.05) == inf


def test_losers_and_leaders_by_the_interval():
    base = pd.Series([50.0, 51, 52, 53, 54, 55, 56, 57])
    noise = pd.Series([0.1, -0.1] * 4)
    table = pd.DataFrame({"a": base, "b": base - 5 + noise, "c": base - 0.5 + noise})
    low, high = anytime.interval(table["b"] - table["a"], G, 0.01)
    assert losers(table, 0.01, G)["b"] == f"is worse than a by {-high:.2f} to {-low:.2f} points"
    assert leads(table[["a", "c"]], 0.01, G, 1.0)
    assert not leads(table[["c", "a"]], 0.01, G, 0.5)
    assert leads(table[["a"]], 0.01, G, 0.0)
