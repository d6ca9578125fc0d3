"""Run the command line as ``python -m harness``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # `python -m` puts the current directory in front. No module there may replace one that harness imports,
    # unless harness itself is imported from there.
    if not getattr(sys.flags, "safe_path", False) and Path(sys.path[0]) != Path(__file__).parents[1]:
        del sys.path[0]

    from harness.cli import main

    main()
