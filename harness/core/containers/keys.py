"""Keys that a user chose -> parts of an array's name, readable, valid on every system, and never the same.

What a name must not have is percent-encoded: ``m/s`` becomes ``m%2Fs``. Decoding gives the key again,
whatever its neighbours made necessary, so two keys never share a name.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from typing import TYPE_CHECKING
from urllib.parse import unquote

from harness.core.containers.nodes import Part
from harness.core.storage.names import folded, name_problem

if TYPE_CHECKING:
    from collections.abc import Collection

    from harness.core.containers.nodes import Node

_ALWAYS = frozenset('%./\\:<>"|?*')
_INTEGER = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)


def encode_key(key: str | int, *, fold: bool = False) -> str:
    """Return *key* as a part of a name; dots are encoded, because they join the parts.

    Parameters
    ----------
    key : str or int
        A string that spells an integer is encoded, so that it differs from the integer.
    fold : bool
        Whether characters that have another case are encoded too.

    Examples
    --------
    >>> encode_key("m/s"), encode_key("50 %"), encode_key("aux"), encode_key(""), encode_key("v1.0")
    ('m%2Fs', '50 %25', '%61ux', '%', 'v1%2E0')
    >>> encode_key(0), encode_key("0")
    ('0', '%30')
    """
    if not isinstance(key, str):
        return str(key)
    hidden = {place for place, character in enumerate(key) if _is_hidden(character, fold=fold)}
    hidden |= {len(key) - 1} if key.endswith(" ") else set()
    hidden |= {0} if key.startswith(" ") or _INTEGER.fullmatch(key) else set()
    encoded = _encoded(key, hidden)
    if unicodedata.normalize("NFC", encoded) != encoded:
        hidden |= {place for place, character in enumerate(key) if not character.isascii()}
        encoded = _encoded(key, hidden)
    if _is_reserved(encoded):
        encoded = _encoded(key, hidden | {0})
    return encoded or "%"


def decode_key(encoded: str) -> str:
    """Return the key that :func:`encode_key` encoded, an integer as the text of it.

    >>> decode_key("m%2Fs")
    'm/s'
    """
    return "" if encoded == "%" else unquote(encoded, errors="surrogatepass")


def encode_keys(children: Collection[str | int | Part]) -> dict[str | int | Part, str]:
    """Return the parts of names for the keys of one container, which differ by more than case.

    Only keys that have a namesake are encoded more than others. The order of the keys has no effect. A part
    keeps its name, and a key that equals it is encoded.

    Examples
    --------
    >>> encode_keys(["t", "T", "P"])
    {'t': 't', 'T': '%54', 'P': 'P'}
    >>> encode_keys(["index", Part("index")])
    {'index': '%69ndex', Part(name='index'): 'index'}
    """
    encoded = {key: key.name if isinstance(key, Part) else encode_key(key) for key in children}
    alike = defaultdict(list)
    for key, name in encoded.items():
        alike[folded(name)].append(key)
    for keys in alike.values():
        parts = {key.name for key in keys if isinstance(key, Part)}
        for key in keys:
            if len(keys) > 1 and isinstance(key, str):
                encoded[key] = _first_hidden(key) if key in parts else encode_key(key, fold=True)
    return encoded


def spelled(key: str | int | Part) -> str:
    """Return a key as a user writes it in a table of tolerances."""
    return key.name if isinstance(key, Part) else str(key)


def named(nodes: dict[str | int | Part, Node]) -> list[tuple[str, str, Node]]:
    """Return each node of a container with its encoded key, and with its key as a user writes it."""
    encoded = encode_keys(nodes)
    return [(encoded[key], spelled(key), node) for key, node in nodes.items()]


def _is_hidden(character: str, *, fold: bool) -> bool:
    return character in _ALWAYS or not character.isprintable() or (fold and folded(character) != character)


def _encoded(key: str, hidden: set[int]) -> str:
    return "".join(_escaped(each) if place in hidden else each for place, each in enumerate(key))


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _first_hidden(key: str) -> str:
    return _encoded(key, {0})


def _is_reserved(encoded: str) -> bool:
    """Whether the only fault of a name is how it begins, as that of ``aux`` is."""
    return name_problem(encoded) is not None and name_problem(f"_{encoded}") is None
