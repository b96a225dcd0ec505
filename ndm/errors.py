"""One family of exceptions: everything ndm raises on purpose derives from `NdmError`.

A message says what was given, what was needed and what to do. `NdmError` is a `GeomkitError`, so
one `except geomkit.GeomkitError` catches the mistakes of both packages; a refused kernel stays a
`geomkit.errors.CertificateError`.

| error | raised when |
|---|---|
| `ModelError` | a map, a metric or a model cannot be built, or is given points that do not fit |
| `ConfigError` | a configuration has an unknown key, or a value that cannot be used |
| `DataError` | a data set cannot be read, or does not fit the model |
| `TrainingError` | a run cannot go on: a term of the loss is not finite, a checkpoint is damaged |
| `SolverError` | an iteration (CG, Levenberg-Marquardt, geodesics) cannot reach its tolerance |
"""

from __future__ import annotations

from geomkit.errors import GeomkitError

__all__ = ["ConfigError", "DataError", "ModelError", "NdmError", "SolverError", "TrainingError"]


class NdmError(GeomkitError):
    """Base of all errors that ndm raises for its users.

    Example:
        >>> from geomkit.errors import GeomkitError
        >>> from ndm.errors import ModelError, NdmError
        >>> issubclass(ModelError, NdmError), issubclass(NdmError, GeomkitError)
        (True, True)
    """


class ModelError(NdmError, ValueError):
    """A map, a metric or a model cannot be built from, or applied to, what was given."""


class ConfigError(NdmError, ValueError):
    """A configuration cannot be used.

    Args:
        message: what was given, and what was needed.
        key: dotted path of the key at fault, e.g. `model.maps[0].kind`; "" if it is none.
        remedy: what to do.

    Attributes:
        message: the message alone.
        key: dotted path of the key at fault.
        remedy: what to do.

    Example:
        >>> from ndm.errors import ConfigError
        >>> print(ConfigError("unknown kind 'splin'", key="maps[0]", remedy="write 'spline'"))
        maps[0]: unknown kind 'splin'; write 'spline'
    """

    def __init__(self, message: str, *, key: str = "", remedy: str = "") -> None:
        self.message = message
        self.key = key
        self.remedy = remedy
        text = f"{key}: {message}" if key else message
        super().__init__(f"{text}; {remedy}" if remedy else text)

    def __reduce__(self) -> tuple[object, ...]:
        # keyword-only arguments: the default way of pickling exceptions (worker processes) would
        # lose them
        return (_rebuild_config_error, (self.message, self.key, self.remedy))


class DataError(NdmError, ValueError):
    """A data set cannot be read, or does not fit what it is used for."""


class TrainingError(NdmError, RuntimeError):
    """A training run cannot start or cannot go on."""


class SolverError(NdmError, RuntimeError):
    """A numerical solver could not do what was asked of it."""


def _rebuild_config_error(message: str, key: str, remedy: str) -> ConfigError:
    return ConfigError(message, key=key, remedy=remedy)
