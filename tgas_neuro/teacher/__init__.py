"""The teacher: what guides the search, from recordings, a network or a control."""
