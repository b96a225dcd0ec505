"""geomkit: exact curvature of metrics, proved.

    import geomkit as gk

    kerr = gk.catalog["kerr"]
    gk.curvature(kerr).kretschmann        # simplified, exact, in milliseconds
    kernel = gk.compile(kerr, ["ricci", "kretschmann"])       # machine code
    print(gk.certify(kernel))             # how accurate it is, proved
    gk.verify("claims.toml")              # each formula proved or refuted

The names below are the public ones. Each is imported when it is first touched, so that
`import geomkit` by itself costs next to nothing: no SymPy, no NumPy. Signs and index order are
those of `geomkit.conventions`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from geomkit._version import __version__

if TYPE_CHECKING:
    from geomkit import calculus as calculus
    from geomkit import certificate as certificate
    from geomkit import conventions as conventions
    from geomkit import differentiate as differentiate
    from geomkit import errors as errors
    from geomkit import exterior as exterior
    from geomkit import families as families
    from geomkit import geodesic as geodesic
    from geomkit import plot as plot
    from geomkit import submanifold as submanifold
    from geomkit.catalog import catalog as catalog
    from geomkit.certificate import Certificate as Certificate
    from geomkit.certificate import certify as certify
    from geomkit.curvature import Curvature as Curvature
    from geomkit.curvature import curvature as curvature
    from geomkit.domain import Domain as Domain
    from geomkit.errors import BudgetError as BudgetError
    from geomkit.errors import CertificateError as CertificateError
    from geomkit.errors import DomainError as DomainError
    from geomkit.errors import EvaluationError as EvaluationError
    from geomkit.errors import FieldError as FieldError
    from geomkit.errors import FileError as FileError
    from geomkit.errors import GeomkitError as GeomkitError
    from geomkit.errors import LoweringError as LoweringError
    from geomkit.errors import MetricError as MetricError
    from geomkit.errors import ParseError as ParseError
    from geomkit.errors import TensorError as TensorError
    from geomkit.families import scalar_curvature_from_jet as scalar_curvature_from_jet
    from geomkit.files import load as load
    from geomkit.kernel import Kernel as Kernel
    from geomkit.kernel import compile as compile
    from geomkit.metric import GeomkitWarning as GeomkitWarning
    from geomkit.metric import Metric as Metric
    from geomkit.tensor import Tensor as Tensor
    from geomkit.verify import verify as verify

# Public name -> the module that defines it.
_HOME = {
    "BudgetError": "geomkit.errors",
    "Certificate": "geomkit.certificate",
    "CertificateError": "geomkit.errors",
    "Curvature": "geomkit.curvature",
    "Domain": "geomkit.domain",
    "DomainError": "geomkit.errors",
    "EvaluationError": "geomkit.errors",
    "FieldError": "geomkit.errors",
    "FileError": "geomkit.errors",
    "GeomkitError": "geomkit.errors",
    "GeomkitWarning": "geomkit.metric",
    "Kernel": "geomkit.kernel",
    "LoweringError": "geomkit.errors",
    "Metric": "geomkit.metric",
    "MetricError": "geomkit.errors",
    "ParseError": "geomkit.errors",
    "Tensor": "geomkit.tensor",
    "TensorError": "geomkit.errors",
    "catalog": "geomkit.catalog",
    "certify": "geomkit.certificate",
    "compile": "geomkit.kernel",
    "curvature": "geomkit.curvature",
    "load": "geomkit.files",
    "scalar_curvature_from_jet": "geomkit.families",
    "verify": "geomkit.verify",
}
# Public modules: functions of several names.
_MODULES = (
    "calculus",
    "certificate",
    "conventions",
    "differentiate",
    "errors",
    "exterior",
    "families",
    "geodesic",
    "plot",
    "submanifold",
)

__all__ = [
    "BudgetError",
    "Certificate",
    "CertificateError",
    "Curvature",
    "Domain",
    "DomainError",
    "EvaluationError",
    "FieldError",
    "FileError",
    "GeomkitError",
    "GeomkitWarning",
    "Kernel",
    "LoweringError",
    "Metric",
    "MetricError",
    "ParseError",
    "Tensor",
    "TensorError",
    "__version__",
    "calculus",
    "catalog",
    "certificate",
    "certify",
    "compile",
    "conventions",
    "curvature",
    "differentiate",
    "errors",
    "exterior",
    "families",
    "geodesic",
    "load",
    "plot",
    "scalar_curvature_from_jet",
    "submanifold",
    "verify",
]


class _Package(ModuleType):
    """The package, whose public names win over submodules of the same name.

    Importing `geomkit.curvature` makes Python store that module as attribute `curvature` of the
    package, which would hide the function `geomkit.curvature`, depending on who imported first.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and name in _HOME:
            return
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name in _MODULES:
            return import_module(f"geomkit.{name}")  # Python stores it as attribute
        home = _HOME.get(name)
        if home is None:
            raise AttributeError(f"module 'geomkit' has no attribute {name!r}")
        value = getattr(import_module(home), name)
        super().__setattr__(name, value)
        return value

    def __dir__(self) -> list[str]:
        return list(__all__)


sys.modules[__name__].__class__ = _Package
