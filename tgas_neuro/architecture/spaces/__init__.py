"""Search spaces: what may be proposed."""

from tgas_neuro.architecture.spaces.cell import CellSpace

SPACES = {"cell": CellSpace}
