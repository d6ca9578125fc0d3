"""Outputs, gradients and quality of the model. Tensors are handed over as they are."""

import pytest
import torch
from visionkit.images import discs
from visionkit.model import Edges, loss_of, overlap, train


def test_images(arrays_regression):
    images, edges = discs(4)
    arrays_regression.check({"images": images, "edges": edges})


@pytest.mark.parametrize("channels", [4, 8])
def test_output(arrays_regression, channels):
    images = arrays_regression.inputs(discs(2)[0])
    arrays_regression.check(Edges(channels)(images))


def test_half_precision(arrays_regression):
    """bfloat16 is stored as float32, which holds each of its values, and compared as bfloat16."""
    images, _ = discs(2)
    arrays_regression.check(Edges().bfloat16()(images.bfloat16()))


def test_gradients(arrays_regression):
    model = Edges()
    loss_of(model, *discs(4)).backward()
    arrays_regression.check({name: parameter.grad for name, parameter in model.named_parameters()})


def test_activations(arrays_regression):
    """Each channel of a layer has the scale of its own largest value."""
    model, (images, _) = Edges(), discs(1)
    arrays_regression.check(model.norm(model.first(images)), scale_axis=1)


def test_training(metrics_regression):
    model, data = Edges(), discs(16)
    losses = train(model, *data)
    metrics_regression.check(
        {"last_loss": losses[-1], "overlap": overlap(model, *discs(16, seed=1))},
        tolerances={"last_loss": {"rtol": 1e-3}, "overlap": {"atol": 0.02}},
    )


def test_the_seed_alone_decides():
    assert torch.equal(Edges().first.weight, Edges().first.weight)
