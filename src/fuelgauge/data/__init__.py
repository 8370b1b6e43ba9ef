"""Datasets: sources, ingestion, checks, splits and the files that trials read."""
