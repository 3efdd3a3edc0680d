"""Control teachers: shuffled, matched, pixels, random network."""
