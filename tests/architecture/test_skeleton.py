"""Planned stems: sizes, channels, and what is refused."""

import pytest

from tgas_neuro.architecture.skeleton import Complexity, ConvLayout, Skeleton, build_stem_layout
from tgas_neuro.runtime.errors import UserError


def test_the_cifar_stem_is_one_convolution():
    assert build_stem_layout(Skeleton(16, 1, 1, 10, 32)) == (ConvLayout(3, 16, 3, 1, 32),)


@pytest.mark.parametrize(("size", "between", "after"), [(224, 112, 56), (33, 17, 9), (3, 2, 1)])
def test_the_imagenet_stem_halves_the_image_twice(size, between, after):
    first, second = build_stem_layout(Skeleton(16, 1, 1, 10, size, stem="imagenet"))
    assert first == ConvLayout(3, 8, 3, 2, size)
    assert second == ConvLayout(8, 16, 3, 2, between)
    assert second.size_out == after


def test_stem_filters_are_those_between_the_two_convolutions():
    skeleton = Skeleton(16, 1, 1, 10, 32, stem="imagenet", stem_filters=5)
    assert [conv.channels_out for conv in build_stem_layout(skeleton)] == [5, 16]
    assert build_stem_layout(Skeleton(16, 1, 1, 10, 32, stem_filters=16))[0].channels_out == 16
    with pytest.raises(UserError, match=r"stem_filters: 5; .* makes 16 channels"):
        build_stem_layout(Skeleton(16, 1, 1, 10, 32, stem_filters=5))


def test_a_convolution_counted_by_hand():
    conv = ConvLayout(channels_in=3, channels_out=4, kernel=5, stride=2, size_in=7)
    assert conv.size_out == 4
    assert conv.calc_cost() == Complexity(params=3 * 4 * 25 + 2 * 4, macs=3 * 4 * 25 * 16)
