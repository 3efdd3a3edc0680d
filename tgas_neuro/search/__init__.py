"""The search: strategies, proposals and histories."""
