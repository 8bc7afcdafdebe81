"""Raw files, prepared arrays and the split into tasks: everything that happens before learning."""
