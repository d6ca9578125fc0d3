"""Models of a scan's position errors, linear in their parameters, and which of them the displacements need.

One term after another is added, each time the one that explains most for its number of parameters. A term
must exceed what chance gives to that many parameters, measured against the scatter of the displacements
themselves: whatever else is wrong with probe and object moves patterns in all directions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.ptycho.check.linear import finite

if TYPE_CHECKING:
    from harness.ptycho.check.parts.positions.fit import Displacements

LEAST_SIGNIFICANCE = 5.5
"""Standard deviations that a term must differ from chance by, the number of terms tried counted."""

MOST_TERMS = 4
FEWEST_PATTERNS = 8
"""Patterns with a displacement that a model is fitted to at least."""

MEDIAN_OF_TWO = 2 * np.log(2)
"""Median of the squared length of two standard normal numbers."""

OUTLIER = 16.0
"""Squared length, in units of the scatter, from which on a displacement counts less and less."""


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """A scan as the terms see it.

    Attributes
    ----------
    x, y : (n,) float
        Positions in object pixels.
    order : (n,) float
        0 at the first, 1 at the last of the stored patterns.
    index : (n,) int
        Number of the pattern.
    line : (n,) int or None
        Number of the scan line, if the scan runs in lines.
    middle : (float, float)
        x and y that scales and rotations are about.
    """

    x: np.ndarray
    y: np.ndarray
    order: np.ndarray
    index: np.ndarray
    line: np.ndarray | None
    middle: tuple[float, float]

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray) -> Route:
        """Return the route of all stored positions."""
        index = np.arange(len(x))
        line = lines_of(x, y)
        return cls(x, y, index / max(len(x) - 1, 1), index, line, (float(x.mean()), float(y.mean())))

    def take(self, index: np.ndarray) -> Route:
        """Return the route at the positions *index*; middle and order stay those of the whole scan."""
        line = None if self.line is None else self.line[index]
        return Route(self.x[index], self.y[index], self.order[index], self.index[index], line, self.middle)


@dataclass(frozen=True, slots=True)
class Term:
    """One kind of error.

    Attributes
    ----------
    kind : str
        offset, zoom (scale about the coordinates' zero), scale, rotation, scale x, scale y, shear x, shear y,
        drift, lines, alternate, slip (about an offset in the middle), onset (of an offset), fraction.
    at : int
        Number of the pattern at which a slip or an onset happens; 0 for others.
    """

    kind: str
    at: int = 0

    def design(self, route: Route) -> np.ndarray:
        """Return the move of each position for each parameter, (n, 2, k)."""
        u, v, zero = route.x - route.middle[0], route.y - route.middle[1], np.zeros(len(route.x))
        one_parameter = {
            "zoom": (route.x, route.y),
            "scale": (u, v),
            "rotation": (-v, u),
            "scale x": (u, zero),
            "scale y": (zero, v),
            "shear x": (v, zero),
            "shear y": (zero, u),
            "fraction": (route.x - np.rint(route.x), route.y - np.rint(route.y)),
        }
        if self.kind in one_parameter:
            return np.stack(one_parameter[self.kind], axis=1)[..., None]
        return _along_both(self._along(route))

    def _along(self, route: Route) -> np.ndarray:
        """Return the factor that a vector of two parameters has at each position, (n,)."""
        if self.kind == "drift":
            return route.order - 0.5
        if self.kind == "lines" and route.line is not None:
            return np.asarray(route.line % 2 - 0.5)
        if self.kind == "alternate":
            return np.asarray(route.index % 2 - 0.5)
        if self.kind == "slip":
            return np.where(route.index >= self.at, 0.5, -0.5)
        if self.kind == "onset":
            return np.where(route.index >= self.at, 1.0, 0.0)
        return np.ones(len(route.x))


AFFINE = ("zoom", "scale", "rotation", "scale x", "scale y", "shear x", "shear y")
"""Terms that move positions in proportion to where they are."""


SLIPS = ("slip", "onset")
"""Terms that change at one pattern."""


class Model(NamedTuple):
    """Terms with their parameters.

    Attributes
    ----------
    terms : tuple of Term
    values : tuple of (k,) float
        Parameters of each term: pixels for offset, drift, lines, alternate, slip and onset; a share or an
        angle in radians for others.
    errors : tuple of (k,) float
        Their standard errors, from the scatter of the displacements.
    significance : float
        Standard deviations by which the least significant term differs from chance.
    """

    terms: tuple[Term, ...] = ()
    values: tuple[np.ndarray, ...] = ()
    errors: tuple[np.ndarray, ...] = ()
    significance: float = 0.0

    @property
    def parameters(self) -> int:
        """Number of fitted numbers."""
        return sum(len(value) for value in self.values)

    def moves(self, route: Route) -> np.ndarray:
        """Return by how much each position must be moved, (n, 2) in pixels."""
        moves = np.zeros((len(route.x), 2))
        for term, value in zip(self.terms, self.values, strict=True):
            moves += term.design(route) @ value
        return moves


def select(found: Displacements, route: Route) -> Model:
    """Return the simplest model that explains the *found* displacements, (n,), of a *route*, (n,).

    Examples
    --------
    >>> from harness.ptycho.check.parts.positions.fit import Displacements
    >>> x, y = np.random.default_rng(0).uniform(0, 100, (2, 50))
    >>> precision = np.tile(np.eye(2) * 1e4, (50, 1, 1))  # 0.01 px
    >>> moved = Displacements(precision, precision @ np.array([0.2, 0.0]), np.ones(50))
    >>> [term.kind for term in select(moved, Route.of(x, y)).terms]
    ['offset']
    """
    terms: tuple[Term, ...] = ()
    fitted, significance = Model(), np.inf
    if len(found.pull) < FEWEST_PATTERNS:
        return fitted
    while len(terms) < MOST_TERMS:
        best = _next(found, route, terms)
        if best is None:
            break
        terms = (*terms, best[0])
        significance = min(significance, best[1])
        fitted = fit(found, route, terms)._replace(significance=significance)
    return fitted


def fit(found: Displacements, route: Route, terms: tuple[Term, ...]) -> Model:
    """Return the *terms* with parameters fitted to the *found* displacements; outliers count less."""
    if not terms:
        return Model()
    design = np.concatenate([term.design(route) for term in terms], axis=2)
    solution = _Least.squares(found, design)
    ends = np.cumsum([term.design(route).shape[2] for term in terms])[:-1]
    error = np.sqrt(np.maximum(solution.covariance.diagonal(), 0.0))
    return Model(terms, tuple(np.split(solution.values, ends)), tuple(np.split(error, ends)))


def jitter(left: Displacements) -> tuple[float, float, float]:
    """Return the rms of independent errors on each axis, its standard error, and its significance.

    *left* are the equations of what no model explains.
    """
    chi_squared, information = left.chi_squared, left.precision.trace(axis1=1, axis2=2)
    count = 2 * int(np.sum(information > 0))
    total = float(information.sum())
    if not count or not total:
        return 0.0, 0.0, 0.0
    variance = max(float(chi_squared.sum() - count) / total, 0.0)
    spread = float(np.sqrt(np.sum(4 * (1 + variance * information / 2) ** 2))) / total
    rms = np.sqrt(variance)
    return rms, spread / (2 * rms) if rms else 0.0, deviations(float(chi_squared.sum()) / count, count)


def deviations(ratio: float, upper: int, lower: float = np.inf, trials: int = 1) -> float:
    """Return by how many standard deviations a ratio of mean squares differs from 1 (Paulson 1942).

    Parameters
    ----------
    ratio : float
        Mean square of *upper* numbers over that of *lower* numbers, whose expected value is the same.
    upper, lower : int
        Degrees of freedom; *lower* is infinite if the denominator is known.
    trials : int
        Ratios of which this is the largest: the probability is multiplied by it.

    Examples
    --------
    >>> round(deviations(1.0, 1000), 1), deviations(2.0, 1000) > 15
    (0.0, True)
    """
    root = max(ratio, 0.0) ** (1 / 3)
    above, below = 2 / (9 * upper), 2 / (9 * lower)
    found = ((1 - below) * root - (1 - above)) / np.sqrt(above + below * root**2)
    # A probability exp(-z^2 / 2) times the number of trials.
    return float(np.sign(found) * np.sqrt(max(found**2 - 2 * np.log(trials), 0.0))) if found > 0 else found


def lines_of(x: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """Return the number of each position's scan line, (N,) int; None if the scan does not run in lines.

    >>> lines_of(np.array([0, 1, 2, 2, 1, 0, 0, 1, 2.0]), np.array([0, 0, 0, 1, 1, 1, 2, 2, 2.0]))
    array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    """
    if len(x) < FEWEST_IN_LINES:
        return None
    steps = np.diff(np.stack([x, y]), axis=1)
    along = int(np.argmax(np.median(np.abs(steps), axis=1)))
    fast = float(np.median(np.abs(steps[along])))
    if not fast:
        return None
    # A line ends where the next position does not lie further on in the line's direction.
    is_ahead = (np.abs(steps[along]) > SHORTEST_STEP * fast) & (np.abs(steps[along]) < LONGEST_STEP * fast)
    is_ahead &= np.abs(steps[along]) > np.abs(steps[1 - along])
    line, direction = np.zeros(len(x), dtype=np.intp), 0.0
    for j, step in enumerate(steps[along], start=1):
        goes_on = bool(is_ahead[j - 1]) and step * (direction or step) > 0
        line[j] = line[j - 1] + (not goes_on)
        direction = float(np.sign(step)) * goes_on
    lengths = np.bincount(line)
    is_regular = len(lengths) > 1 and np.mean(np.abs(lengths - np.median(lengths)) <= 1) >= REGULAR
    return line if is_regular and np.median(lengths) >= SHORTEST_LINE else None


FEWEST_IN_LINES = 6
SHORTEST_LINE = 3
LONGEST_STEP = 2.5
SHORTEST_STEP = 0.25
REGULAR = 0.7
"""Share of a scan's lines that must have about the same number of positions."""


class _Least(NamedTuple):
    """A robust least-squares solution.

    Attributes
    ----------
    values : (k,) float
    covariance : (k, k) float
        From the scatter that is left.
    gain : float
        What the parameters explain, in units of that scatter.
    freedom : float
        Numbers that the scatter was measured from, less those fitted.
    """

    values: np.ndarray
    covariance: np.ndarray
    gain: float
    freedom: float

    @classmethod
    def squares(cls, found: Displacements, design: np.ndarray, kept: int = 0) -> _Least:
        """Fit *design*, (n, 2, k), to *found* displacements; the gain is of the columns from *kept* on."""
        weight = np.ones(len(design))
        for _ in range(REWEIGHTED):
            matrix, right = _normal(found, design, weight)
            values = np.linalg.lstsq(finite(matrix), right, rcond=None)[0]
            chi_squared = found.less(design @ values).chi_squared
            scatter = _scatter(chi_squared)
            weight = np.minimum(1.0, np.sqrt(OUTLIER * scatter / np.maximum(chi_squared, 1e-30)))
        inverse = np.linalg.pinv(finite(matrix), hermitian=True)
        explained = float(right @ values)
        if kept:
            some = np.linalg.lstsq(matrix[:kept, :kept], right[:kept], rcond=None)[0]
            explained -= float(right[:kept] @ some)
        return cls(values, inverse * scatter, explained / scatter, 2 * float(weight.sum()) - design.shape[2])


REWEIGHTED = 3


def _normal(found: Displacements, design: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    weighted = (design * weight[:, None, None]).reshape(-1, design.shape[2])
    return weighted.T @ (found.precision @ design).reshape(weighted.shape), weighted.T @ found.pull.ravel()


def _scatter(chi_squared: np.ndarray) -> float:
    """Return the mean square of what is left, in units of the noise: at least 1; outliers do not raise it."""
    lit = chi_squared[chi_squared > 0]
    return max(float(np.median(lit)) / MEDIAN_OF_TWO, 1.0) if len(lit) else 1.0


def _next(found: Displacements, route: Route, terms: tuple[Term, ...]) -> tuple[Term, float] | None:
    """Return the term that explains most on top of *terms*, with its significance; None if none does."""
    before = [term.design(route) for term in terms]
    kept = sum(part.shape[2] for part in before)
    left = found.less(fit(found, route, terms).moves(route))
    tried = [term for term in _candidates(route, left) if term.kind not in {known.kind for known in terms}]
    best, most = None, 0.0
    for term in tried:
        design = np.concatenate([*before, term.design(route)], axis=2)
        added = design.shape[2] - kept
        solution = _Least.squares(found, design, kept)
        # As in Schwarz's criterion: a parameter must explain the logarithm of the number of data.
        gain = solution.gain - added * np.log(2 * len(found.pull))
        trials = len(tried) + len(route.x) * (term.kind in SLIPS)
        sure = deviations(solution.gain / added, added, max(solution.freedom, 1.0), trials)
        if gain > most and sure >= LEAST_SIGNIFICANCE:
            best, most = (term, sure), gain
    return best


def _candidates(route: Route, left: Displacements) -> list[Term]:
    kinds = ["offset", *AFFINE, "drift", "alternate", "fraction"]
    kinds += ["lines"] if route.line is not None else []
    at = _likeliest_slip(route, left)
    return [Term(kind) for kind in kinds] + [Term(kind, place) for kind in SLIPS for place in at]


def _likeliest_slip(route: Route, left: Displacements) -> list[int]:
    """Return the pattern at which a slip, an offset before and another one after it, explains most."""
    count = len(route.index)
    first, last = int(SHORTEST_RUN * count), count - int(SHORTEST_RUN * count)
    if count < FEWEST_FOR_SLIP:
        return []
    matrix, pull = np.cumsum(left.precision, axis=0), np.cumsum(left.pull, axis=0)
    before, after = slice(first - 1, last - 1), np.s_[None]
    gain = _gain(matrix[before], pull[before])
    gain += _gain(matrix[-1][after] - matrix[before], pull[-1][after] - pull[before])
    return [int(route.index[first + int(np.argmax(gain))])]


def _gain(matrix: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """Return what one move of each group of patterns explains, (n,)."""
    inverse = np.linalg.pinv(finite(matrix), hermitian=True)
    return np.asarray(np.einsum("na,nab,nb->n", pull, inverse, pull))


SHORTEST_RUN = 0.1
"""A slip has this share of the patterns before and after it at least."""

FEWEST_FOR_SLIP = 20


def _along_both(along: np.ndarray) -> np.ndarray:
    """Return the design of a vector of two parameters that is multiplied by *along*, (n,)."""
    return np.asarray(along[:, None, None] * np.eye(2))
