"""The models, one file each, behind one contract (`fuelgauge.models.base.Model`)."""
