"""Figures depend on nothing but what is drawn, and drawing leaves no trace."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import warnings

import numpy as np
import pytest

from harness.core.errors import DependencyError
from harness.report.drawing import canvas

pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")


def text_as_svg(text: str) -> bytes:
    with canvas.drawing():
        figure = canvas.sheet(200, 100)
        canvas.axes(figure, 20, 20, 150, 50).set_title(canvas.plain(text))
        return canvas.svg(figure)


def test_the_same_figure_has_the_same_bytes():
    assert text_as_svg("a") == text_as_svg("a")


def test_settings_of_the_user_neither_show_nor_change():
    import matplotlib as mpl

    before = text_as_svg("a")
    with mpl.rc_context({"font.size": 33, "axes.facecolor": "red", "svg.fonttype": "path"}):
        assert text_as_svg("a") == before
        assert mpl.rcParams["font.size"] == 33
        assert mpl.rcParams["axes.facecolor"] == "red"


def test_an_svg_has_no_date_and_no_version():
    import matplotlib as mpl

    data = text_as_svg("a").decode()
    assert "dc:date" not in data
    assert mpl.__version__ not in data


def test_pyplot_is_not_imported():
    code = (
        "import sys\nfrom harness.report.page.figures import draw\n"
        "from harness.core.domain.panels import Image\nimport numpy as np\n"
        "draw(Image('a', np.ones((2, 2))))\nassert 'matplotlib.pyplot' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("text", ["$\\frac{1}{2}$ $x", "<script>alert(1)</script>", "&amp;", "$" * 100])
def test_a_name_is_text_and_neither_formula_nor_markup(text):
    """With mathtext the first would be set as a fraction, and the last would be an error."""
    import xml.etree.ElementTree as ET

    root = ET.fromstring(text_as_svg(text))  # noqa: S314 - our own
    shown = "".join(node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}text"))
    assert canvas.plain(text) in shown
    assert "script" not in {node.tag.rpartition("}")[2] for node in root.iter()}


@pytest.mark.parametrize(
    "name", ["\u202etxt.exe", "a\x00b\x1b[31m", "\u6f22\u5b57", "\U0001f600", "x" * 10_000]
)
def test_hostile_names_are_escaped_shortened_and_drawn_without_a_warning(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text_as_svg(name)
    shown = canvas.plain(name)
    assert len(shown) <= 60 or "\\u" in shown
    assert shown.isprintable()
    assert "\u202e" not in shown


def test_a_png_has_exactly_the_colours_of_its_palette():
    """A median cut would merge a colour that only a few pixels have with its neighbours."""
    from PIL import Image

    rare = np.array([200, 30, 60], np.uint8)
    common = np.array([[c, c // 2, 255 - c] for c in range(0, 255, 4)], np.uint8)
    with canvas.drawing():
        figure = canvas.sheet(100, 100)
        frame = figure.add_axes((0, 0, 1, 1))
        frame.axis("off")
        picture = common[np.arange(200 * 200).reshape(200, 200) % len(common)]
        picture[7, 9] = rare
        frame.imshow(picture, interpolation="nearest", aspect="auto")
        data = canvas.png(figure, np.concatenate([common, rare[None]]))
    shown = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert shown.shape == (200, 200, 3)
    assert (shown == rare).all(axis=-1).sum() == 1
    assert (shown[7, 9] == rare).all()


def test_messages_of_matplotlib_are_silent_only_while_drawing():
    log = logging.getLogger("matplotlib")
    before = log.level
    with canvas.drawing():
        assert not log.isEnabledFor(logging.ERROR)
    assert log.level == before


def test_numpy_may_raise_on_every_warning():
    with np.errstate(all="raise"):
        assert text_as_svg("a")


def test_without_matplotlib_the_error_names_the_extra(monkeypatch):
    canvas._matplotlib.cache_clear()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(DependencyError, match=r"pip install 'golden-harness\[report\]'"), canvas.drawing():
        pass
    canvas._matplotlib.cache_clear()
