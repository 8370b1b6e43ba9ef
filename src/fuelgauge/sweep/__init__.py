"""A trial and how it is run: grid, pool, runner, store, timing."""
