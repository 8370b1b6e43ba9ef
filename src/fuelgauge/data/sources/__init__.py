"""Loaders: functions that read a source and return its rows."""
