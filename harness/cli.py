"""Console entry ``harness VERB``. Exit codes: 0 everything matches, 1 something differs, 2 on errors."""

from __future__ import annotations

import io
import os
import sys
import warnings
from pathlib import Path

from harness.core.errors import HarnessError


def main() -> None:
    """Run the command line and exit; every error ends as one message without a traceback."""
    _escape_unencodable_names()
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
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "harness":  # a bug of ours
            raise
        code = _fail_without(error.name)
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        code = _fail(error, f"{error.filename or 'system'}: {error.strerror or error}", 2)
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

    message = with_required_reason(message, Path.cwd())
    print(plain_line(f"harness: {message}"), file=sys.stderr)  # noqa: T201
    if any("json" in word for word in sys.argv[1:]):
        from harness.commands.group import print_error

        print_error(sys.argv[1:], error, message, code)
    return code


def _fail_without(module: str) -> int:
    """Report a package that a verb needs and that is not installed."""
    from harness.core.domain.references import missing_package

    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    error = missing_package(f"`harness {words[0]}`" if words else "harness", module.partition(".")[0])
    return _fail(error, str(error), error.exit_code)
