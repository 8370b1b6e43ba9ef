"""Plain types that every room shares. This room imports no other."""
