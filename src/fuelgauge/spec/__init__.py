"""Plain types that all other packages share. This package imports none of them but `fuelgauge.errors`."""
