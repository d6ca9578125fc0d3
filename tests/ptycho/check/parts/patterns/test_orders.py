"""Each known order is undone by its own remedy."""

from __future__ import annotations

import numpy as np
import pytest

from harness.ptycho.check.parts.patterns.orders import named_orders


def expression(remedy):
    """Return the expression that a remedy tells the user to store."""
    return remedy[remedy.lower().rindex("store ") + len("store ") :].partition(", with ")[0].rstrip(".")


@pytest.mark.parametrize("count", [9, 12, 13])
def test_each_remedy_undoes_its_order(count):
    """Pattern j of the stored stack belongs to position places(j), also where lines do not fill up."""
    index = np.arange(count)
    orders = list(named_orders(count))
    for order in orders:
        places = order.places(index)
        assert sorted(places) == list(index), order.name
        restored = eval(  # noqa: S307 - our own text
            expression(order.remedy), {"np": np, "diffraction": places, "N": count, "i": index}
        )
        assert restored.tolist() == list(index), order.name
    assert len({order.name for order in orders}) == len(orders)


def stored(count, order):
    """Return the places of patterns that were stored as *order* says: stored[j] = true[order[j]]."""
    return tuple(np.asarray(order).tolist()), count


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (np.arange(12)[::-1], "reversed"),
        (
            np.roll(np.arange(12), 2),
            "shifted by 2 positions in scan order (pattern j belongs to position j-2)",
        ),
        (np.roll(np.arange(12), -1), "shifted by -1 position in"),
        (np.roll(np.arange(12), 6), "two halves"),
        (np.arange(24).reshape(6, 4).T.ravel(), "column-major order, positions in lines of 4"),
        (np.r_[0:12:2, 1:12:2], "even patterns stored before odd ones"),
        ([0, 1, 2, 3, 7, 6, 5, 4, 8, 9, 10, 11, 13, 12], "every second line of 4 patterns reversed"),
        (sorted(range(14), key=str), "sorted as text (0, 1, 10, 11"),
        (np.array(sorted(range(1, 15), key=str)) - 1, "sorted as text (1, 10, 11"),
        ([1, 0, 3, 2, 5, 4, 6], "neighbouring patterns exchanged"),
    ],
)
def test_an_order_is_known_by_name(order, words):
    """The first order that explains where the patterns are."""
    places = np.asarray(order)
    index = np.arange(len(places))
    (first, *_) = [one for one in named_orders(len(places)) if (one.places(index) == places).all()]
    assert words in first.name
