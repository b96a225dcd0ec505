"""What makes a kernel verified: identities proved exactly, errors measured against enclosures.

`certify(kernel)` makes a certificate and stores it beside the kernel; `check(kernel)` refuses a
kernel without a passing certificate, or one that has changed since.
"""

from __future__ import annotations

from geomkit.certificate.judge import certify
from geomkit.certificate.model import Accuracy, Certificate, Identity, Worst
from geomkit.certificate.storage import check, path_of, read, store

__all__ = [
    "Accuracy",
    "Certificate",
    "Identity",
    "Worst",
    "certify",
    "check",
    "path_of",
    "read",
    "store",
]
