"""One family of exceptions: everything geomkit raises on purpose derives from `GeomkitError`.

A message says what was given, what was needed and what to do. Code that wants to react, rather than
print, reads
the attributes (`position`, `file`, `key`, `expression`, ...) instead of the text.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "BudgetError",
    "CertificateError",
    "DomainError",
    "EvaluationError",
    "FieldError",
    "FileError",
    "GeomkitError",
    "LoweringError",
    "MetricError",
    "ParseError",
    "TensorError",
]


class GeomkitError(Exception):
    """Base of all errors that geomkit raises for its users.

    Example:
        >>> from geomkit.errors import GeomkitError, MetricError
        >>> issubclass(MetricError, GeomkitError)
        True
    """


class MetricError(GeomkitError, ValueError):
    """A metric cannot be used, or a quantity is not defined for it.

    Raised for matrices that are not square, not symmetric or degenerate, for foreign symbols and
    duplicate names,
    and for quantities that need another dimension (the Weyl tensor of a surface, say).
    """


class ParseError(GeomkitError, ValueError):
    """A text is not an expression that geomkit reads.

    Args:
        message: what was wrong and what to write instead.
        text: the text that was given.
        position: 0-based offset into `text` of the trouble, if known.
        where: what the text is (a key of a file, a matrix entry), put in front of the message.

    Attributes:
        message: the message without the excerpt.
        text: the text that was given.
        position: 0-based offset into `text`, or None.
        where: what the text is, or "".

    Example:
        >>> from geomkit.errors import ParseError
        >>> print(ParseError("unknown name 'q'", text="1 + q*r", position=4, where="entry [0, 1]"))
        entry [0, 1]: unknown name 'q' (at character 5: '1 + >>>q*r')
    """

    def __init__(
        self, message: str, *, text: str = "", position: int | None = None, where: str = ""
    ) -> None:
        self.message = message
        self.text = text
        self.position = position
        self.where = where
        super().__init__(self._full())

    def _full(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        if self.position is None or not self.text:
            return head
        return f"{head} (at character {self.position + 1}: '{_excerpt(self.text, self.position)}')"

    def __reduce__(self) -> tuple[Any, ...]:
        # keyword-only arguments: the default way of pickling exceptions (workers of `verify`) would
        # lose them
        return (_rebuild_parse_error, (self.message, self.text, self.position, self.where))


class FileError(GeomkitError, ValueError):
    """A metric or claim file cannot be used.

    Args:
        message: what was wrong.
        file: path of the file, or "" when the content came from memory.
        key: dotted path of the key at fault, e.g. `claims[3].components`.
        remedy: what to do.

    Attributes:
        message: the message alone.
        file: path of the file.
        key: dotted path of the key at fault.
        remedy: what to do.

    Example:
        >>> from geomkit.errors import FileError
        >>> print(FileError("unknown kind 'ricc'", file="a.toml", remedy="write 'ricci'"))
        a.toml: unknown kind 'ricc'; write 'ricci'
    """

    def __init__(self, message: str, *, file: str = "", key: str = "", remedy: str = "") -> None:
        self.message = message
        self.file = file
        self.key = key
        self.remedy = remedy
        text = ": ".join(part for part in (file, key, message) if part)
        super().__init__(f"{text}; {remedy}" if remedy else text)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild_file_error, (self.message, self.file, self.key, self.remedy))


class FieldError(GeomkitError, ValueError):
    """An expression does not fit the exact differential field.

    Args:
        expression: the expression, or the part of it that does not fit.
        reason: why it does not fit.

    Attributes:
        expression: the expression, or the part of it that does not fit.
        reason: why it does not fit.

    Example:
        >>> from geomkit.errors import FieldError
        >>> FieldError("floor(x)", "its derivative is not in the field").reason
        'its derivative is not in the field'
    """

    def __init__(self, expression: Any, reason: str = "") -> None:
        self.expression = expression
        self.reason = reason
        shown = _shorten(str(expression))
        super().__init__(f"{shown} does not fit the exact field: {reason}" if reason else shown)

    def __reduce__(self) -> tuple[Any, ...]:
        return (FieldError, (self.expression, self.reason))


class BudgetError(GeomkitError, RuntimeError):
    """A computation was stopped because it would exceed its budget of time or terms.

    Args:
        message: what was reached.
        remedy: what to try.

    Attributes:
        message: what was reached.
        remedy: what to try.

    Example:
        >>> from geomkit.errors import BudgetError
        >>> print(BudgetError("2 s spent on the Riemann tensor", remedy="raise budget="))
        2 s spent on the Riemann tensor; raise budget=
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(f"{message}; {remedy}" if remedy else message)

    def __reduce__(self) -> tuple[Any, ...]:
        return (BudgetError, (self.message, self.remedy))


class DomainError(GeomkitError, ValueError):
    """A point lies outside the domain: on a singularity, or where a root is not real."""


class EvaluationError(GeomkitError, ValueError):
    """An expression has no numerical value in the arithmetic asked for."""


class TensorError(GeomkitError, ValueError):
    """A tensor was indexed or combined wrongly: rank, index range or index positions do not fit."""


class LoweringError(GeomkitError, ValueError):
    """An expression cannot be turned into a kernel."""


class CertificateError(GeomkitError, ValueError):
    """A kernel disagrees with the exact expression that it was made from."""


def _excerpt(text: str, position: int, width: int = 28) -> str:
    """Part of `text` around `position`, with `>>>` in front of the character at fault."""
    position = max(0, min(position, len(text)))
    start, stop = max(0, position - width), min(len(text), position + width)
    left, right = text[start:position], text[position:stop]
    shown = f"{'...' if start else ''}{left}>>>{right}{'...' if stop < len(text) else ''}"
    return shown.replace("\n", " ")


def _shorten(text: str, limit: int = 200) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _rebuild_parse_error(message: str, text: str, position: int | None, where: str) -> ParseError:
    return ParseError(message, text=text, position=position, where=where)


def _rebuild_file_error(message: str, file: str, key: str, remedy: str) -> FileError:
    return FileError(message, file=file, key=key, remedy=remedy)
