"""params.yaml composed, and what there is to say of the study that it asks for now."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from exaggerated_replay.figures.letters import remarks_on_letters
from exaggerated_replay.places import RECORD, RESULTS, store_folder
from exaggerated_replay.planning.compose import write_params
from exaggerated_replay.planning.params import PARAMS
from exaggerated_replay.planning.remarks import remarks_on_arms, remarks_on_data, remarks_on_samples
from exaggerated_replay.store.estimate import time_told
from exaggerated_replay.store.replaced import remarks_on_results


def compose(conf: Path, overrides: Sequence[str]) -> Iterator[str]:
    """Write params.yaml, and yield sentences: how many runs it asks for, how long they take, what is odd about it.

    Raises:
        UserError: What is asked for cannot be composed or planned, or a run is at work; params.yaml stays as it was.
    """
    plan = write_params(conf, list(overrides), PARAMS)
    places = {name: (run.directory, store_folder() / name) for name, run in plan.named.items()}
    new = [name for name, both in places.items() if not any((place / RECORD).is_file() for place in both)]
    name = plan.study.name
    yield f"{PARAMS}: the study {name}, {len(plan.cells)} cells, {len(plan.runs)} runs, {len(new)} of them new"
    if told := time_told(plan, new, RESULTS):
        yield told
    yield from remarks_on_results(plan, RESULTS)
    yield from remarks_on_data(plan)
    yield from remarks_on_letters(plan)
    yield from remarks_on_samples(plan)
    yield from remarks_on_arms(plan, overrides)
