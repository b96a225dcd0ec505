"""What identifies a kernel: hashes of its metric and of texts."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["metric_hash", "text_hash"]


def text_hash(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def metric_hash(metric: Metric) -> str:
    """SHA-256 of the canonical JSON of a metric."""
    return text_hash(json.dumps(metric.to_dict(), sort_keys=True, separators=(",", ":")))
