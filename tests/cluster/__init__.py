"""A cluster of one machine: the real Slurm, with two pretended GPUs."""
