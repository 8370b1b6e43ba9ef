"""Data that arrive month by month: retraining, drift, and what a month shows."""
