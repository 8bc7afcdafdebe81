"""From evidence to one word, for every comparison of a study."""
