"""A training job: runs in, run directories out, whatever interrupts it."""
