"""What tests of all networks look at: the layers' outputs as hooks see them."""

import pytest


@pytest.fixture
def record_shapes():
    """A function that gives a network's scores and the shape of every layer's output."""

    def record(network, images):
        shapes = {}

        def build_hook(name):
            return lambda module, inputs, output: shapes.update({name: output.shape})

        handles = [
            layer.register_forward_hook(build_hook(name))
            for name, layer in network.layers().items()
        ]
        scores = network(images)
        for handle in handles:
            handle.remove()
        return scores, shapes

    return record
