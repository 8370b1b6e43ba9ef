"""Loaders: from the place that holds the data to rows."""
