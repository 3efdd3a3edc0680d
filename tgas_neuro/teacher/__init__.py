"""The teacher: what guides the search, from recordings."""
