"""Curves and their statistics, then one file a claim. Works on any trial table and imports no other room."""
