"""Judge claims on any trial table: statistics, judging, and one file per claim."""
