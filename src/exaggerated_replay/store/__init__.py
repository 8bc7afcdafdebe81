"""Run directories: what a finished run leaves behind, whether it is right, and how it travels."""
