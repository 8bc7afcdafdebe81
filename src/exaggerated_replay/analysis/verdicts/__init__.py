"""From evidence to one word, for every comparison of a study, and the rounds of seeds that decide it."""
