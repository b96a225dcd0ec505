"""Neural differential manifolds: layers that carry a learned metric.

Nothing of this package is built yet; the name is reserved, so that `geomkit` and `ndm` can share
one distribution. See geomkit for what works today.
"""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = ["__version__"]
