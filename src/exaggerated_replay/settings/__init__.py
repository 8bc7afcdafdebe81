"""Every setting there is, its type, its bounds and, where it has one, its default.

Plain dataclasses of the standard library: the workflow checks params.yaml against them (`planning/params.py`), and a
training job, which may run on a machine without the workflow's tools, reads its settings into them. The settings of a
method lie beside the method, in `methods/<method>/__init__.py`.
"""
