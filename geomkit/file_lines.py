"""Where a key stands in a TOML file, for messages: tomllib does not tell."""

from __future__ import annotations

import re

__all__ = ["line_of"]

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*[=.]""")


def line_of(text: str, path: str) -> int | None:
    r"""Return the line of a key, or of the table that it belongs in.

    Args:
        text: the file.
        path: the key, such as `claims[3].components["t|t,r"]` or `metric.matrix[0][1]`.

    Returns:
        The line, counted from 1; None where nothing like it is found.

    Example:
        >>> line_of('[metric]\nname = "x"\nmatrix = [["1"]]', "metric.matrix[0][0]")
        3
    """
    parts = [p for p in re.split(r"""\.|\["|"\]""", path) if p]
    parts[1:] = [re.sub(r"(\[\d+\])+\Z", "", part) for part in parts[1:]]
    found = re.fullmatch(r"(\w+)\[(\d+)\]", parts[0]) if parts else None
    table, number = (found[1], int(found[2])) if found else (parts[0] if parts else "", 0)
    best: int | None = None
    depth, seen, here, prefix = 0, -1, not found and table not in ("metric", "claims"), [""]
    for line_number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            prefix = [part.strip(" \"'") for part in header[2].split(".")]
            seen += header[1] == "[[" and prefix[0] == table
            here = prefix[0] == table and (not found or seen == number)
            level = len(prefix) if here and prefix[1:] == parts[1 : len(prefix)] else 0
        else:
            key = _KEY.match(line)
            name = (key[1] or key[2] or key[3]) if key and here else None
            match = name is not None and [*prefix[1:], name] == parts[1 : len(prefix) + 1]
            level = len(prefix) + 1 if match else 0
        if level > depth:
            best, depth = line_number, level
    return best
