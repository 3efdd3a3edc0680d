"""NAS-Bench-201: all cells of four nodes with one of five operations on each of six edges."""
