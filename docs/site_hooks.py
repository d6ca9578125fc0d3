"""Hooks of MkDocs: examples in the help of a command keep their lines."""  # noqa: INP001 - a script of mkdocs.yml

from __future__ import annotations

import re

_EXAMPLES = re.compile(r"<p>(Examples?:)\n(  .*?)</p>", re.DOTALL)


def on_page_content(html: str, **_: object) -> str:
    """Return a page's HTML, in which paragraphs of examples are blocks of code."""
    return _EXAMPLES.sub(_as_code, html)


def _as_code(found: re.Match[str]) -> str:
    lines = "\n".join(line.strip() for line in found[2].splitlines())
    return f"<p>{found[1]}</p>\n<pre><code>{lines}\n</code></pre>"
