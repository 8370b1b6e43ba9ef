"""Read, edit, compose and check the configuration."""
