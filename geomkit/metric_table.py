"""The `[metric]` table of a file: keys and shapes, before any of it is read as a formula."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geomkit.claim_kinds import Declared, Unfit, expression, key_part
from geomkit.metric.names import nearest

__all__ = ["check_metric_table"]

_NOTHING = Declared((), frozenset())
_SOURCES = ("matrix", "line_element", "embedding")
_TEXTS = ("name", "title", "reference", "line_element")
_TABLES = ("parameters", "domain", "definitions", "functions")
_KEYS = ("name", "title", "reference", "coordinates", *_SOURCES, *_TABLES)
_FLAGS = ("positive", "negative", "nonzero", "integer")
_PARAMETER = ("range", "value", *_FLAGS)


def check_metric_table(table: Mapping[str, Any]) -> None:
    """Check keys and types of a `[metric]` table.

    Args:
        table: the content.

    Raises:
        Unfit: with the key at fault, relative to the table.
    """
    for key, value in table.items():
        _known(key, _KEYS, "[metric] has", "")
        if key in _TEXTS:
            _expect(isinstance(value, str), f".{key}", value, "write a text in quotes")
        if key == "line_element":
            _expression(value, ".line_element")
    if "coordinates" not in table:
        raise Unfit("the key coordinates is missing", "write coordinates = [names]")
    _names(table["coordinates"])
    found = [key for key in _SOURCES if key in table]
    if len(found) != 1:
        given = f"{' and '.join(found)} are given" if found else "there are no components"
        raise Unfit(given, f"write one of {', '.join(_SOURCES)}")
    if "matrix" in table:
        _matrix(table["matrix"])
    if "embedding" in table:
        _embedding(table["embedding"])
    for key in _TABLES:
        value = table.get(key, {})
        _expect(isinstance(value, Mapping), f".{key}", value, f"write a table [metric.{key}]")
    for name, value in table.get("parameters", {}).items():
        _parameter(value, ".parameters" + key_part(name))
    for name, value in table.get("domain", {}).items():
        _bounds(value, ".domain" + key_part(name))
    for name, value in table.get("definitions", {}).items():
        _expression(value, ".definitions" + key_part(name))
    for name, value in table.get("functions", {}).items():
        _list(value, ".functions" + key_part(name), "concrete functions, in quotes")


def _names(value: Any) -> None:
    remedy = 'write a list of names, ["r", "phi"]'
    _expect(isinstance(value, list | tuple), ".coordinates", value, remedy)
    for index, name in enumerate(value):
        _expect(isinstance(name, str), f".coordinates[{index}]", name, remedy)


def _matrix(value: Any) -> None:
    if isinstance(value, str):
        _expression(value, ".matrix")
        if value.lstrip().startswith("["):
            remedy = 'write the list itself, without quotes around it: [["1", "0"], ["0", "1"]]'
            raise Unfit(f"found the text {value[:40]!r}", remedy, ".matrix")
        return  # a LaTeX matrix
    _expect(isinstance(value, list | tuple), ".matrix", value, "write a list of rows")
    for i, row in enumerate(value):
        _list(row, f".matrix[{i}]", "entries, in quotes")


def _embedding(value: Any) -> None:
    remedy = "write {map = [...], ambient = [1, 1, 1]}"
    _expect(isinstance(value, Mapping), ".embedding", value, remedy)
    for key in value:
        _known(key, ("map", "ambient"), "an embedding has", ".embedding")
    if "map" not in value:
        raise Unfit("the key map is missing", remedy, ".embedding")
    for key, entries in value.items():
        _list(entries, f".embedding.{key}", "expressions" if key == "map" else "signs, 1 or -1")


def _parameter(value: Any, key: str) -> None:
    remedy = 'write {range = ["1/2", "2"]}, {positive = true} or {value = "1 - M"}'
    _expect(isinstance(value, Mapping), key, value, remedy)
    for name, entry in value.items():
        _known(name, _PARAMETER, "a parameter has", key)
        if name in _FLAGS:
            _expect(isinstance(entry, bool), f"{key}.{name}", entry, "write true or false")
    if "range" in value:
        _bounds(value["range"], f"{key}.range")
    if "value" in value:
        _expression(value["value"], f"{key}.value")


def _bounds(value: Any, key: str) -> None:
    remedy = 'write two bounds, ["1/2", "2"]'
    _expect(isinstance(value, list | tuple), key, value, remedy)
    if len(value) != 2:
        given = ", ".join(map(str, value))[:60]
        count = f"{len(value)} bound{'' if len(value) == 1 else 's'}"
        raise Unfit(f"found {count}: {given}" if given else "found no bounds", remedy, key)
    _list(value, key, "bounds")


def _list(value: Any, key: str, what: str) -> None:
    _expect(isinstance(value, list | tuple), key, value, f"write a list of {what}")
    for index, entry in enumerate(value):
        _expression(entry, f"{key}[{index}]")


def _expression(value: Any, key: str) -> None:
    try:
        expression(value, _NOTHING)
    except Unfit as error:
        raise Unfit(error.message, error.remedy, key) from None


def _expect(fits: bool, key: str, value: Any, remedy: str) -> None:
    if not fits:
        kinds = {str: "the text", bool: "the value", int: "the number", float: "the number"}
        kind = kinds.get(type(value), f"a {type(value).__name__}")
        shown = repr(value[:60]) if isinstance(value, str) else str(value)[:60]
        raise Unfit(f"found {kind} {shown}", remedy, key)


def _known(key: Any, allowed: tuple[str, ...], whose: str, where: str) -> None:
    if key not in allowed:
        alias = {"latex": "line_element", "metric": "matrix", "g": "matrix", "ds2": "line_element"}
        meant = alias.get(str(key).lower())
        near = f"; did you mean {meant!r}?" if meant in allowed else nearest(str(key), allowed)
        path = where + key_part(str(key))
        raise Unfit(f"unknown key {str(key)[:60]!r}{near}", f"{whose} {', '.join(allowed)}", path)
