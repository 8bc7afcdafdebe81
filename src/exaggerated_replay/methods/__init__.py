"""The methods compared, one file each. A file's name is the name of the method in `arms.*.method`."""
