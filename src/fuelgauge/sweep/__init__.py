"""Plan, run, time and store trials."""
