"""Bad input, a row each: what is broken, what is done then, and what the sentence must name."""

from tests.bad_input import commands, data_sets, params_and_conf, written_files
from tests.bad_input.place import Row


def rows() -> list[Row]:
    """Return all of them."""
    return [*params_and_conf.rows(), *data_sets.rows(), *written_files.rows(), *commands.rows()]
