"""Published cells: PNASNet-5 and NASNet-A, as in their papers and released networks.

Their mobile networks (224 pixels, imagenet stem with 32 filters) have, here and in their papers:

    PNASNet-5, N = 3, F = 54    5,064,487 parameters, 587,293,200 multiply-adds    5.1 M, 588 M
    NASNet-A, 4 @ 1056 (F = 44) 5,289,978 parameters, 563,638,816 multiply-adds    5.3 M, 564 M

All round to the papers' numbers but the first network's multiply-adds, which round to 587 M. There
the stem's first convolution decides: as released (tensorflow/models, research/slim) it is not
padded and puts out 111 x 111 positions; with 112 x 112 the two networks have 587,578,640 and
563,909,984, which round to 588 M and 564 M. The papers do not say which they counted.
"""

from tgas_neuro.architecture.cell.genotype import Block, Cell, CellGenotype

# Liu et al. 2018 (ECCV, arXiv 1712.00559), figure 1: one cell for both strides, all five blocks
# concatenated. Released as PNASNet-5-large: 216 filters, 4 cells a stage, 331 pixels.
PNASNET5 = CellGenotype(
    space="cell",
    normal=Cell(
        blocks=(
            Block((0, 0), ("sep_conv_5x5", "max_pool_3x3")),
            Block((1, 1), ("sep_conv_7x7", "max_pool_3x3")),
            Block((1, 1), ("sep_conv_5x5", "sep_conv_3x3")),
            Block((4, 1), ("sep_conv_3x3", "max_pool_3x3")),
            Block((0, 1), ("sep_conv_3x3", "identity")),
        ),
        concat=(2, 3, 4, 5, 6),
    ),
)

# Zoph et al. 2018 (CVPR, arXiv 1707.07012), figure 4. The normal cell concatenates its input 0
# beside the five blocks; the reduction cell all blocks but the first. Released as
# NASNet-A-large: 168 filters, 6 cells a stage, 331 pixels.
NASNET_A = CellGenotype(
    space="cell",
    normal=Cell(
        blocks=(
            Block((1, 0), ("sep_conv_5x5", "sep_conv_3x3")),
            Block((0, 0), ("sep_conv_5x5", "sep_conv_3x3")),
            Block((1, 0), ("avg_pool_3x3", "identity")),
            Block((0, 0), ("avg_pool_3x3", "avg_pool_3x3")),
            Block((1, 1), ("sep_conv_3x3", "identity")),
        ),
        concat=(0, 2, 3, 4, 5, 6),
    ),
    reduction=Cell(
        blocks=(
            Block((1, 0), ("sep_conv_5x5", "sep_conv_7x7")),
            Block((1, 0), ("max_pool_3x3", "sep_conv_7x7")),
            Block((1, 0), ("avg_pool_3x3", "sep_conv_5x5")),
            Block((2, 3), ("avg_pool_3x3", "identity")),
            Block((2, 1), ("sep_conv_3x3", "max_pool_3x3")),
        ),
        concat=(3, 4, 5, 6),
    ),
)

PUBLISHED = {"pnasnet5": PNASNET5, "nasnet_a": NASNET_A}
