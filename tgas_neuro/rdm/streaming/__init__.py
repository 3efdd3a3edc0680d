"""Compare RDMs of many stimuli without holding the whole matrix in memory."""
