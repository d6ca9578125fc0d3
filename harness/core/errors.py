"""Every refusal, one family: which thing, what was expected, what was found, what to do next."""

from __future__ import annotations

_LONGEST = 1000


class HarnessError(Exception):
    """A refusal that a user can act on.

    Parameters
    ----------
    thing : str
        What is refused: a file, a key of a file, an option.
    expected, found : str
        What the thing should have been, and what it is.
    remedy : str
        The next step, where possible a command.

    Attributes
    ----------
    exit_code : int
        What a command line ends with: 1 when the answer is "not the same", 2 when there is no answer.
    """

    exit_code = 2

    def __init__(self, thing: str, *, expected: str, found: str, remedy: str) -> None:
        self.thing = thing
        self.expected = expected
        self.found = found
        self.remedy = remedy
        thing, expected, found = printable(thing), printable(expected), printable(found)
        super().__init__(f"{thing}: expected {expected}, found {found}. {printable(remedy)}")

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by parts, so that a worker process can hand the refusal on."""
        return _rebuild, (type(self), self.__dict__.copy(), self.args)


def printable(text: str) -> str:
    """*text* on one line: escaped where a terminal would act on it or could not show it, cut where endless.

    A broken file's own words may be part of a message.
    """
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}"
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]


def _rebuild(kind: type[HarnessError], parts: dict[str, object], args: tuple[object, ...]) -> HarnessError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(parts)
    return error


class UnreadableError(HarnessError):
    """A file is missing, or is not what it claims to be: there is nothing to compare."""


class UsageError(HarnessError):
    """A request that has no meaning: an unknown name, key or value."""


class StaleFormatError(HarnessError):
    """A file was written by a newer harness than this one."""


class DependencyError(HarnessError):
    """A package that this step needs is not installed."""


class RefusedError(HarnessError):
    """Readable data that break a rule: not written, not accepted."""

    exit_code = 1
