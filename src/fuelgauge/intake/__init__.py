"""A user's own file: survey, guesses, and the dataset made of them."""
