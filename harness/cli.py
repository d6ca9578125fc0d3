"""The command line: ``harness VERB``. Exit codes are diff(1)'s: 0 the same, 1 not, 2 no answer."""

from __future__ import annotations

import io
import os
import sys
import warnings

from harness.core.errors import HarnessError


def main() -> None:
    """Entry point of the console script: every refusal ends as one message, none as a traceback."""
    _show_any_name()
    if not sys.warnoptions:  # what broken numbers come to is said by a verdict, not by numpy
        warnings.simplefilter("ignore", RuntimeWarning)
    try:
        code = _run(sys.argv[1:])
    except HarnessError as error:
        code = _fail(str(error), error.exit_code)
    except MemoryError:
        code = _fail("not enough memory for these files", 2)
    except KeyboardInterrupt:
        code = _fail("interrupted", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        code = _fail(f"{error.filename or 'system'}: {error.strerror or error}", 2)
    sys.exit(code)


def _run(words: list[str]) -> int:
    if words == ["verify"]:  # on every push: it starts twice as fast without what reads options
        return _verify()
    from harness.commands.group import run

    return run(words)


def _verify() -> int:
    from harness.core.registry.verify import verify
    from harness.core.storage.project import find_project
    from harness.core.verdict import exit_code
    from harness.report.verdicts import summary_lines

    verdicts = verify(find_project())
    print("\n".join(summary_lines(verdicts)), flush=True)  # noqa: T201 - as click.echo does
    return exit_code(verdicts)


def _show_any_name() -> None:
    """A file's name may hold bytes that no encoding knows: show them escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _fail(message: str, code: int) -> int:
    print(f"harness: {message}", file=sys.stderr)  # noqa: T201
    return code
