"""Teacher Guided Architecture Search with the primate ventral stream as the teacher."""

__version__ = "0.1.0"

# Snakemake does not see edits inside a package. Every rule has this number among its
# params: raise it when numbers in the results change, and only then.
RESULTS_VERSION = 5
