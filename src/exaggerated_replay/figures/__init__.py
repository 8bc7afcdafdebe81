"""The paper's figures and their like: one module each, with a function `draw` that returns a figure."""
