"""Every error of the package, and how an error crosses a process boundary.

Each error has four parts: the thing, what was expected, what was found, and what to do next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MAX_LENGTH = 1000
_PARTS = ("thing", "expected", "found", "remedy", "message")


class HarnessError(Exception):
    """Base class of all errors that a user can act on.

    The text is built from the parts: ``THING: expected EXPECTED, found FOUND. REMEDY``. Where that would not
    read well aloud, give ``message``, a plain sentence without a full stop: ``MESSAGE. REMEDY``. The parts
    are attributes in both cases.

    Parameters
    ----------
    thing : str
        What the error is about: a file, a key of a file, an option.
    expected, found : str
        What the thing should have been, and what it is.
    remedy : str
        The next step as a sentence, where possible with a command.
    message : str, optional
        What happened, in place of ``THING: expected EXPECTED, found FOUND``.

    Attributes
    ----------
    exit_code : int
        Exit status of a command that ends with this error: 1 if data break a rule, 2 on all other errors.
    others : tuple of HarnessError
        Further errors of the same step, which this one must not hide.

    Examples
    --------
    >>> print(HarnessError("a.npz", expected="float32", found="float64", remedy="Convert it."))
    a.npz: expected float32, found float64. Convert it.
    >>> print(HarnessError("stage 'train'", expected="an end within 45 s", found="a running process",
    ...     message="stage 'train' timed out after 45 s", remedy="Use fewer epochs."))
    stage 'train' timed out after 45 s. Use fewer epochs.
    """

    exit_code = 2
    others: tuple[HarnessError, ...] = ()

    def __init__(
        self, thing: str, *, expected: str, found: str, remedy: str, message: str | None = None
    ) -> None:
        self.thing = thing
        self.expected = expected
        self.found = found
        self.remedy = remedy
        self.message = message
        super().__init__(_text(thing, expected, found, remedy, message))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle all attributes, so that a pool's worker can raise the error in its parent."""
        return _restored, (type(self), self.__dict__.copy(), self.args)


class UnreadableError(HarnessError):
    """A file is missing or damaged, so there is nothing to compare."""


class UsageError(HarnessError):
    """A request is not valid: an unknown name, key or value, or a step that is not allowed here."""


class StaleFormatError(HarnessError):
    """A file's schema is newer or older than the one that this version reads."""


class DependencyError(HarnessError):
    """A package that this step needs is not installed."""


class NotImportableError(HarnessError):
    """What a file names cannot be imported, or must not be, so there is nothing to compare."""


class LockedError(HarnessError):
    """Another process has been writing golden files for too long."""


class UnwritableError(HarnessError):
    """A file could not be written: no space, no permission, or a broken disk."""


class OvertimeError(HarnessError):
    """A pipeline did not end within its time limit and was stopped."""


class RefusedError(HarnessError):
    """Data can be read but break a rule, so they are not written or not accepted."""

    exit_code = 1


class GoldenMissingError(RefusedError):
    """No golden file is recorded under this name. A check never records one in passing."""


class DegenerateError(RefusedError):
    """An array to be recorded is all NaN, all zero or constant, or has new non-finite values."""


class SourceMissingError(RefusedError):
    """A fixture's source file is missing, so the fixture cannot be made again."""


class RemakeError(RefusedError):
    """A generator could not be run again; its own error is in ``found``."""


class NondeterministicError(RefusedError):
    """A generator makes different arrays in every run, so none of them can be golden."""


def printable(text: str) -> str:
    r"""Return *text* on one line, with control characters escaped, and shortened to about 1000 characters.

    Names and values from a damaged file may be part of a message.

    >>> printable("a\x1b[31m")
    'a\\x1b[31m'
    """
    if len(text) > _MAX_LENGTH:
        text = f"{text[: _MAX_LENGTH // 2]} ... {text[-_MAX_LENGTH // 2 :]}"
    return text if text.isprintable() else "".join(map(_escaped, text))


def error_to_parts(error: HarnessError) -> dict[str, Any]:
    """Return an error as a JSON-able dict, to be read by :func:`error_from_parts` in another process."""
    parts = {key: getattr(error, key) for key in _PARTS}
    return {"kind": _kind(type(error)), "exit_code": error.exit_code} | {
        key: value if value is None else str(value) for key, value in parts.items()
    }


def error_from_parts(parts: Mapping[str, Any]) -> HarnessError:
    """Return the error that a child process reported.

    Its class is the reported one if this process has already imported it, else :class:`HarnessError`. No
    module is imported and no constructor is called because of a name in *parts*. The exit code is kept.
    """
    texts = {key: str(parts.get(key, "")) for key in _PARTS}
    message = None if parts.get("message") is None else texts["message"]
    known = {_kind(kind): kind for kind in _loaded(HarnessError)}
    kind = known.get(str(parts.get("kind")), HarnessError)
    text = _text(texts["thing"], texts["expected"], texts["found"], texts["remedy"], message)
    error = _restored(kind, {**texts, "message": message}, (text,))
    if parts.get("exit_code") == RefusedError.exit_code != error.exit_code:
        error.exit_code = RefusedError.exit_code
    return error


def _kind(kind: type[HarnessError]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _loaded(kind: type[HarnessError]) -> Iterator[type[HarnessError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _loaded(narrower)


def _text(thing: str, expected: str, found: str, remedy: str, message: str | None) -> str:
    thing, expected, found, remedy = map(printable, (thing, expected, found, remedy))
    what = f"{thing}: expected {expected}, found {found}" if message is None else printable(message)
    return f"{what}. {remedy}".rstrip()


def _escaped(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]


def _restored(kind: type[HarnessError], attributes: dict[str, Any], args: tuple[Any, ...]) -> HarnessError:
    """Return an error without calling its constructor, whose parameters a subclass may have changed."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error
