"""Make datasets of users' own files and of suites, for `fuelgauge add`."""
