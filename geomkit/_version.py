"""The version, written once: the package, the distribution and the reports read it here."""

from __future__ import annotations

__version__ = "0.1.0"
