"""Submanifolds: induced geometry, second fundamental form, Gauss and Codazzi equations."""

from __future__ import annotations

from geomkit.submanifold.model import Submanifold

__all__ = ["Submanifold"]
