"""Data that arrive month by month: retraining, drift and losses by month."""
