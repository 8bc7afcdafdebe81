"""Feature exaggeration in generative replay for continual learning, rebuilt from raw data to the last figure."""
