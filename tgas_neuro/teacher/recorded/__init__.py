"""Teachers made from recordings."""
