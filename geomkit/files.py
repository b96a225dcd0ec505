"""Metric and claim files: TOML, or JSON of the same structure.

    [metric]      coordinates, matrix | line_element | embedding, parameters, domain, ...
    [[claims]]    kind, and the keys of this kind

Everything that is wrong is reported as `FileError` with file, key, line and remedy; what is wrong
with the metric itself stays a `MetricError` or `ParseError`, with the file in front.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from geomkit.claim_kinds import (
    CLAIM_KINDS,
    COMMON_KEYS,
    Declared,
    KeySpec,
    Unfit,
    has_expression_value,
    key_part,
    meant_kind,
)
from geomkit.errors import FileError, MetricError, ParseError
from geomkit.file_lines import line_of
from geomkit.metric import Metric
from geomkit.metric.names import nearest
from geomkit.metric_table import check_metric_table

__all__ = ["CLAIM_KINDS", "Claim", "ClaimFile", "load", "load_claims"]

_MAX_BYTES = 5_000_000
# The key that a message about a metric begins with: "metric 'kerr': parameters.a.range[0]: ..."
_ENTRY = re.compile(
    r"(?:metric '[^']*': )?(?:the )?"
    r"((?:matrix|line_element|embedding|coordinates|parameters|domain|definitions|functions)"
    r"[^\s:]*)"
)


@dataclass(frozen=True)
class Claim:
    """One claim of a file, checked for its shape; expressions are still texts.

    Args:
        index: its number in the file, from 0.
        kind: one of `CLAIM_KINDS`.
        keys: the keys of this kind, index texts in canonical spelling.
        source: where the claim comes from, or "".
        label: what is claimed, in short.
    """

    index: int
    kind: str
    keys: Mapping[str, Any]
    source: str = ""
    label: str = ""


@dataclass(frozen=True)
class ClaimFile:
    """A metric and the claims about it.

    Args:
        path: the file, or "" if it came from memory.
        metric: the metric.
        claims: the claims, in order.
    """

    path: str
    metric: Metric
    claims: tuple[Claim, ...]


def load(path: str | os.PathLike[str]) -> Metric:
    """Read the metric of a metric file or claim file.

    Args:
        path: a TOML or JSON file.

    Returns:
        The metric.

    Raises:
        FileError: if the file cannot be read or has a wrong key.
        MetricError: if the metric is not one.
        ParseError: if a text in it is no expression.
    """
    return _metric(_Source.read(path))


def load_claims(source: str | os.PathLike[str] | Mapping[str, Any]) -> ClaimFile:
    """Read a claim file.

    Args:
        source: a TOML or JSON file, or its content as a mapping.

    Returns:
        The metric and the claims.

    Raises:
        FileError: if the file cannot be read, or has a wrong key, kind or index.
        MetricError: if the metric is not one.
        ParseError: if a text in the metric is no expression.

    Example:
        >>> content = load_claims({
        ...     "metric": {"coordinates": ["x", "y"], "matrix": [["1/y**2", "0"], ["0", "1/y**2"]],
        ...                "domain": {"y": ["1/2", "2"]}},
        ...     "claims": [{"kind": "gauss_curvature", "value": "-1"}]})
        >>> content.claims[0].kind, content.claims[0].keys["value"]
        ('gauss_curvature', '-1')
    """
    given = _Source("", "", source) if isinstance(source, Mapping) else _Source.read(source)
    metric = _metric(given)
    entries = given.content.get("claims", [])
    if not isinstance(entries, list):
        given.fail("found no list of claims", "claims", "start every claim with [[claims]]")
    declared = Declared(tuple(x.name for x in metric.coordinates), frozenset(metric.names))
    claims = [_claim(given, index, entry, declared) for index, entry in enumerate(entries)]
    return ClaimFile(given.path, metric, tuple(claims))


@dataclass(frozen=True)
class _Source:
    """The content of a file, with what is needed to say where something is wrong."""

    path: str
    text: str
    content: Mapping[str, Any]

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> _Source:
        name = os.fspath(path)
        suffix = Path(name).suffix.lower()
        if suffix not in {".toml", ".json"}:
            raise FileError("is no metric file", file=name, remedy="give a .toml or .json file")
        if Path(name).exists() and not Path(name).is_file():
            kind = "a folder" if Path(name).is_dir() else "no regular file"
            raise FileError(f"is {kind}", file=name, remedy="give a .toml or .json file")
        try:
            with open(name, "rb") as stream:
                data = stream.read(_MAX_BYTES + 1)
        except OSError as error:
            reason = error.strerror or "cannot be read"
            raise FileError(reason, file=name, remedy="check the path") from None
        if len(data) > _MAX_BYTES:
            remedy = f"metric files have at most {_MAX_BYTES} bytes; split it"
            raise FileError("is too large", file=name, remedy=remedy)
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            message = f"is not a text in UTF-8 (byte {error.start})"
            raise FileError(message, file=name, remedy="save it in UTF-8") from None
        content = _decoded(name, text, suffix)
        if not isinstance(content, Mapping):
            raise FileError("is no table", file=name, remedy='write {"metric": {...}, ...}')
        return cls(name, text, content)

    def place(self, message: str) -> str:
        """The file, with the line of the key of [metric] that a message begins with."""
        found = _ENTRY.match(message)
        line = self.line(f"metric.{found[1]}") if found else None
        return f"{self.path} (line {line})" if line else self.path

    def line(self, key: str) -> int | None:
        """The line of a key, in TOML; None where it cannot be told."""
        return line_of(self.text, key) if self.path.lower().endswith(".toml") else None

    def fail(self, message: str, key: str, remedy: str) -> NoReturn:
        line = self.line(key)
        where = f"{message} (line {line})" if line else message
        raise FileError(where, file=self.path, key=key, remedy=remedy)


def _decoded(name: str, text: str, suffix: str) -> Any:
    try:
        if suffix == ".toml":
            return tomllib.loads(text.replace("\r\n", "\n"))
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        remedy = "metric files need at most five levels"
        raise FileError("is nested too deeply", file=name, remedy=remedy) from None
    except ValueError as error:  # tomllib's and json's errors say line and column
        language = suffix[1:].upper()
        raise FileError(
            f"is not {language}: {error}", file=name, remedy=_hint(str(error))
        ) from None


def _hint(message: str) -> str:
    if "escape" in message:
        return "write LaTeX in single quotes, '...', where a backslash is a backslash"
    return "correct it there"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"the key {key!r} occurs twice in one object")
        result[key] = value
    return result


def _metric(source: _Source) -> Metric:
    for key in source.content:
        if key not in ("metric", "claims"):
            near = nearest(str(key), ("metric", "claims"))
            source.fail(f"unknown key{near}", str(key), "a file has [metric] and [[claims]]")
    table = source.content.get("metric")
    if not isinstance(table, Mapping):
        source.fail("the table [metric] is missing", "metric", "begin the file with [metric]")
    try:
        check_metric_table(table)
        return Metric.from_dict(table)
    except Unfit as error:
        source.fail(error.message, "metric" + error.key, error.remedy)
    except MetricError as error:
        place = source.place(str(error))
        raise MetricError(f"{place}: {error}" if place else str(error)) from None
    except ParseError as error:
        place = source.place(error.where)
        where = ": ".join(part for part in (place, f"metric.{error.where}") if part)
        raise ParseError(
            error.message, text=error.text, position=error.position, where=where
        ) from None


def _claim(source: _Source, index: int, given: Any, declared: Declared) -> Claim:
    where = f"claims[{index}]"
    if not isinstance(given, Mapping):
        source.fail(f"found {str(given)[:40]!r}", where, "write a table, under [[claims]]")
    if "kind" not in given:
        known = ", ".join(CLAIM_KINDS)
        source.fail("the key kind is missing", where, f"write kind = one of {known}")
    kind = given["kind"]
    if not isinstance(kind, str) or kind not in CLAIM_KINDS:
        near = meant_kind(str(kind))
        allowed = f"allowed: {', '.join(CLAIM_KINDS)}"
        source.fail(f"unknown kind {str(kind)[:60]!r}{near}", f"{where}.kind", allowed)
    keys = _claim_keys(source, where, kind, given, declared)
    shown = str(keys.get("source", ""))
    content = {key: value for key, value in keys.items() if key not in COMMON_KEYS}
    return Claim(index, kind, content, shown, _label(content))


def _claim_keys(
    source: _Source, where: str, kind: str, given: Mapping[str, Any], declared: Declared
) -> dict[str, Any]:
    spec = CLAIM_KINDS[kind]
    checkers = {**COMMON_KEYS, **spec.required, **spec.optional}
    if has_expression_value(spec):
        checkers["latex"] = COMMON_KEYS["kind"]  # any text
    keys: dict[str, Any] = {}
    for key, value in given.items():
        path = f"{where}{key_part(str(key))}"
        if key not in checkers:
            near = nearest(str(key), checkers)
            message = f"unknown key {str(key)[:60]!r}{near}"
            source.fail(message, path, f"a claim of kind {kind} has {', '.join(checkers)}")
        try:
            keys[key] = checkers[key](value, declared)
        except Unfit as error:
            source.fail(error.message, path + error.key, error.remedy)
    _check_complete(source, where, kind, spec, keys)
    return keys


def _check_complete(
    source: _Source, where: str, kind: str, spec: KeySpec, keys: Mapping[str, Any]
) -> None:
    if "latex" in keys and "value" in keys:
        source.fail("value and latex are both given", where, "keep one of them")
    for key in spec.required:
        if key not in keys and not (key == "value" and "latex" in keys):
            source.fail(
                f"the key {key} is missing",
                where,
                f"a claim of kind {kind} needs {', '.join(spec.required)}",
            )
    if keys.get("components") == {} and not keys.get("complete"):
        source.fail(
            "nothing is claimed", f"{where}.components", "list components, or add complete = true"
        )
    if "ambient" in keys and len(keys["ambient"]) != len(keys["map"]):
        source.fail(
            f"{len(keys['ambient'])} signs for {len(keys['map'])} functions",
            f"{where}.ambient",
            "give one sign for each function of the map",
        )


def _label(keys: Mapping[str, Any]) -> str:
    """What is claimed, in short: for lists of claims."""
    if "components" in keys:
        count = len(keys["components"])
        rest = ", all others 0" if keys.get("complete") else ""
        return f"{count} component{'' if count == 1 else 's'}{rest}"
    for key in ("vector", "curve", "map"):
        if key in keys:
            return "(" + ", ".join(map(str, keys[key])) + ")"
    value = keys.get("value", keys.get("latex", keys.get("logpdf", "")))
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{keys['function']} -> {text}" if "function" in keys else text
