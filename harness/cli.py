"""Console entry ``harness VERB``. Exit codes: 0 everything matches, 1 something differs, 2 on errors."""

from __future__ import annotations

import io
import os
import sys
import warnings
from pathlib import Path

from harness.core.errors import HarnessError

SLEEP_SOON = ("OPENBLAS_THREAD_TIMEOUT", "4")
"""By default the threads of OpenBLAS wait awake for 2**26 cycles, at the cost of the next process's time.

Read when numpy loads it; processes that a verb starts inherit it. It changes no result.
"""


def main() -> None:
    """Run the command line and exit.

    Every error that is foreseen ends as one message. An error of the project's code and a bug of this package
    end with their traceback in front of the message, and with exit code 2.
    """
    _escape_unencodable_names()
    os.environ.setdefault(*SLEEP_SOON)
    if not sys.warnoptions:  # broken numbers are reported by a verdict; numpy's warnings would repeat it
        warnings.simplefilter("ignore", RuntimeWarning)
    try:
        code = _run(sys.argv[1:])
    except HarnessError as error:
        code = _fail(error, str(error), error.exit_code)
    except MemoryError as error:
        code = _fail(error, "not enough memory for these files", 2)
    except KeyboardInterrupt as error:
        code = _fail(error, "interrupted", 130)
    except BaseException as error:  # noqa: BLE001 - the project's code may raise anything
        code = _end_unexpected(error)
    sys.exit(code)


def _run(words: list[str]) -> int:
    """Run one verb; plain ``verify``, which CI calls on every push, starts without click."""
    if words == ["verify"]:
        from harness.commands.verify import verify_here

        return verify_here()
    from harness.commands.group import run

    return run(words)


def _escape_unencodable_names() -> None:
    """Print file names that the terminal's encoding cannot represent with escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _fail(error: BaseException, message: str, code: int) -> int:
    """Print an error as one line, and as JSON too if that was asked for; return the exit code."""
    from harness.core.storage.pytest_settings import with_required_reason
    from harness.report.plain_lines import plain_line
    from harness.report.terminal.screen import show_lines

    message = with_required_reason(message, Path.cwd())
    show_lines([plain_line(f"harness: {message}")], sys.stderr)
    if any("json" in word for word in sys.argv[1:]):
        from harness.commands.group import print_error

        print_error(sys.argv[1:], error, message, code)
    return code


def _end_unexpected(error: BaseException) -> int:
    """Report an error of the project's code, of the system, or a bug of ours; return the exit code."""
    from harness.core.domain.crash import is_of_project

    if not is_of_project(error):
        if isinstance(error, SystemExit):  # how click ends when a shell asks it for completions
            raise error
        if isinstance(error, BrokenPipeError):  # the reader, such as `head`, has closed the pipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        if isinstance(error, ModuleNotFoundError) and not _is_ours(error.name):
            return _fail_without(str(error.name))
        if isinstance(error, OSError):
            return _fail(error, f"{error.filename or 'system'}: {error.strerror or error}", 2)
    return _fail_with_traceback(error)


def _is_ours(module: str | None) -> bool:
    return module is None or module.partition(".")[0] == "harness"


def _fail_with_traceback(error: BaseException) -> int:
    from harness.core.domain.crash import describe_crash
    from harness.report.plain_lines import plain_text

    crash = describe_crash(error)
    print(plain_text(crash.traceback), file=sys.stderr)  # noqa: T201
    return _fail(error, crash.message, 2)


def _fail_without(module: str) -> int:
    """Report a package that a verb needs and that is not installed."""
    from harness.core.domain.references import missing_package

    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    error = missing_package(f"`harness {words[0]}`" if words else "harness", module.partition(".")[0])
    return _fail(error, str(error), error.exit_code)
