"""A genotype in words, line by line, as its picture shows it."""

from tgas_neuro.architecture.cell.genotype import N_INPUTS, Cell, CellGenotype
from tgas_neuro.architecture.chain.genotype import ChainGenotype
from tgas_neuro.architecture.genotype import Genotype
from tgas_neuro.architecture.nasbench201.genotype import EDGES, NASBench201Genotype

INPUTS = ("cell before the previous", "previous cell")


def describe_genotype(genotype: Genotype) -> list[str]:
    """Lines of text that say all of a genotype."""
    return DESCRIPTIONS[genotype.space](genotype)


def _describe_cells(genotype: CellGenotype) -> list[str]:
    lines = _describe_cell("normal cell", genotype.normal)
    if genotype.reduction is not None:
        lines += _describe_cell("reduction cell", genotype.reduction)
    return lines


def _describe_cell(name: str, cell: Cell) -> list[str]:
    lines = []
    for number, block in enumerate(cell.blocks):
        branches = [
            f"{operation}({_name_state(state)})"
            for state, operation in zip(block.inputs, block.operations, strict=True)
        ]
        lines.append(f"{name}: block {number} = {' + '.join(branches)}")
    joined = ", ".join(map(_name_state, cell.concat))
    return [*lines, f"{name}: output = concatenation of {joined}"]


def _name_state(state: int) -> str:
    return INPUTS[state] if state < N_INPUTS else f"block {state - N_INPUTS}"


def _describe_chain(genotype: ChainGenotype) -> list[str]:
    lines = []
    for number, layer in enumerate(genotype.layers):
        read = "stem" if number == 0 else f"layer {number - 1}"
        if layer.skip is not None:
            read += f", {'stem' if layer.skip == 0 else f'layer {layer.skip - 1}'}"
        lines.append(
            f"layer {number} = convolution {layer.kernel}x{layer.kernel}, {layer.width} F filters, "
            f"stride {layer.stride}, of {read}"
        )
    return lines


def _describe_topology(genotype: NASBench201Genotype) -> list[str]:
    entering: dict[int, list[str]] = {}
    for (start, end), operation in zip(EDGES, genotype.operations, strict=True):
        entering.setdefault(end, []).append(f"{operation}(node {start})")
    return [f"node {end} = {' + '.join(found)}" for end, found in entering.items()]


DESCRIPTIONS = {
    "cell": _describe_cells,
    "chain": _describe_chain,
    "nasbench201": _describe_topology,
}
