"""Certificates of families on disk: one that passed need not be made again in every process.

They lie in the folder of the kernels, under a name that changes with the sources, the versions and
the machine; one that was damaged or changed is made anew. Only certificates that pass are kept.
"""

from __future__ import annotations

import hashlib
import json
import platform
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .certifying import FamilyCertificate

__all__ = ["read", "source", "store"]

# What the kernels are made of: the families, and what unrolls and compiles small dimensions.
PARTS = ("families", "program", "differentiate", "backends/numba")
SUFFIX = ".json"


def source() -> str:
    """SHA-256 over all sources that the kernels are made of.

    Returns:
        64 hexadecimal digits.
    """
    root = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for part in PARTS:
        for path in sorted((root / part).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def read(family: str, n: int, key: str) -> FamilyCertificate | None:
    """Read a certificate.

    Args:
        family: name.
        n: dimension.
        key: sources and versions, as text.

    Returns:
        The certificate; None where there is none, or none that can be read.
    """
    from geomkit import cache

    from .certifying import FamilyCertificate

    data = cache.read(_name(family, n), _digest(family, n, key), SUFFIX)
    if data is None:
        return None
    try:
        found = FamilyCertificate.from_json(data.decode("utf-8"))
    except (ValueError, TypeError, KeyError):
        return None
    return found if found.ok and (found.family, found.n) == (family, n) else None


def store(certificate: FamilyCertificate, key: str) -> None:
    """Keep a certificate, if it passes.

    Args:
        certificate: what to keep.
        key: as for `read`.
    """
    from geomkit import cache

    if certificate.ok:
        family, n = certificate.family, certificate.n
        content = {SUFFIX: certificate.to_json()}
        # a folder that is full or cannot be written costs the next process time, nothing else
        with suppress(OSError):
            cache.store(_name(family, n), _digest(family, n, key), content)


def _name(family: str, n: int) -> str:
    return f"family_{family}_{n}"


def _digest(family: str, n: int, key: str) -> str:
    machine = f"{platform.machine()} {platform.python_version()}"
    text = json.dumps([family, n, key, machine])
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
