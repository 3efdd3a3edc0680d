"""Reader of NWB files."""
