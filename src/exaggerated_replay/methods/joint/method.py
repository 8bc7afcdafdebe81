"""Joint training: in task t, batches from the data of all tasks so far. The upper bound."""

from exaggerated_replay.learning.method import Method


class JointTraining(Method):
    """One network that goes on learning, and may look at everything seen so far, as its settings say."""


METHOD = JointTraining
