"""Curves, pairs of curves and their statistics, on any trial table."""
