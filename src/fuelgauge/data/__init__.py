"""Where data come from, what a dataset is, how it is split and nested."""
