"""Panels of a domain become figures whose texts say in numbers what they show."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")

from harness.core.domain.panels import Image, Lines, Points, Table
from harness.report.page.figures import draw, save


def texts(data: bytes) -> list[str]:
    root = ET.fromstring(data)  # noqa: S314 - our own
    return [node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}text")]


def pixels(data: bytes) -> np.ndarray:
    from PIL import Image as Picture

    return np.asarray(Picture.open(io.BytesIO(data)).convert("RGB")).astype(int)


RAMP = np.arange(64.0).reshape(8, 8)
PANELS = (
    Image("a", RAMP),
    Image("a", RAMP, scale="log"),
    Image("a", RAMP - 30, symmetric=True, limits=(-40.0, 40.0)),
    Image("a", RAMP / 30, cyclic=True, unit="rad", mask=RAMP > 20),
    Image("a", RAMP * (1 + 1j)),
    Image("a", np.full((3, 3), np.nan)),
    Image("a", RAMP.astype(int)),
    Image("a", RAMP > 7),
    Lines("a", {"b": (np.arange(3), np.arange(3.0))}, "x", "y", threshold=1.0),
    Lines("a", {"b": (np.arange(3), np.array([1.0, 0.0, np.nan]))}, log_y=True),
    Lines("a", {}),
    Points("a", np.arange(3.0), np.arange(3.0), values=np.arange(3.0), over=Image("b", RAMP)),
    Points("a", np.arange(3.0), np.arange(3.0)),
)


@pytest.mark.parametrize("panel", PANELS, ids=range(len(PANELS)))
def test_every_kind_of_panel_is_drawn_twice_the_same(panel):
    figure = draw(panel)
    assert figure == draw(panel)
    assert figure.alt.startswith("a: ")
    assert len(figure.data) < 50_000
    assert figure.data[:4] in {b"\x89PNG", b"<?xm"}


def test_a_table_is_not_drawn():
    with pytest.raises(TypeError, match="Table"):
        draw(Table("a", ("b",)))


def test_limits_of_compared_pictures_are_kept():
    """Without them each would have a scale of its own, and both would look the same."""
    shared = [draw(Image("a", RAMP * factor, limits=(0.0, 126.0))).data for factor in (1, 2)]
    own = [draw(Image("a", RAMP * factor)).data for factor in (1, 2)]
    assert (pixels(shared[0])[60:500, 120:500] != pixels(shared[1])[60:500, 120:500]).any()
    assert (pixels(own[0])[60:500, 120:500] == pixels(own[1])[60:500, 120:500]).all()


def test_texts_count_inside_the_mask():
    alt = draw(Image("a", RAMP, unit="m", mask=(RAMP > 9) & (RAMP < 21))).alt
    assert alt == "a: picture of 8 x 8 values: 10 to 20 m inside the mask."


def test_notes_say_what_was_down_sampled_and_what_is_blank():
    values = np.zeros((400, 400))
    values[3, 3] = 1
    note = draw(Image("a", values, scale="log", note="Of the detector.")).note
    assert note.startswith("Of the detector. 400 x 400 elements, shown by the mean of each block of 3 x 3.")
    assert "not positive" in note
    assert "value farthest from 0" in draw(Image("a", values, symmetric=True)).note
    x = np.arange(100_000.0)
    assert "Every 20th of 100000 points is shown." in draw(Points("a", x, x)).note
    assert "least and largest" in draw(Lines("a", {"b": (x, x)})).note


def test_lines_have_a_legend_axes_and_a_threshold():
    panel = Lines("a", {"$b$": (np.arange(3), np.array([0.0, 1.0, 4.0]))}, "ring", "FRC", threshold=0.5)
    figure = draw(panel)
    assert {"$b$", "ring", "FRC"} <= set(texts(figure.data))
    assert figure.alt == "a: curves of FRC over ring: $b$: 3 points, 0 to 4; dashed line at 0.5."


@pytest.mark.parametrize("name", ["$\\frac{1}{", "<script>", "\u202ex", "\u6f22", "n" * 10_000, "a\nb"])
def test_hostile_names_are_drawn_as_text(name):
    lines = Lines(name, {name: (np.arange(3), np.arange(3.0))}, name, name, note=name)
    assert draw(lines).title == name
    image = Image(name, RAMP, unit=name)
    assert draw(Points(name, np.arange(3.0), np.arange(3.0), name, name, over=image)).suffix == ".png"
    assert draw(image).suffix == ".png"


def test_figures_are_written_as_files(tmp_path):
    figures = [draw(Image("a", RAMP)), draw(Lines("b", {"c": (np.arange(2), np.arange(2.0))}))]
    paths = save(figures, tmp_path / "new" / "pictures", "probe")
    assert [path.name for path in paths] == ["probe-1.png", "probe-2.svg"]
    assert [path.read_bytes() for path in paths] == [figure.data for figure in figures]
