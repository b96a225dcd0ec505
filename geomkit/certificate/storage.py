"""Certificates on disk, beside the source of the kernel."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from geomkit.errors import CertificateError
from geomkit.writing import write_whole

from .model import Certificate

LOG = logging.getLogger("geomkit.certificate")

__all__ = ["check", "path_of", "read", "store"]


def path_of(kernel: Any, dtype: str = "float64") -> Path | None:
    """The file of a kernel's certificate.

    Args:
        kernel: the kernel.
        dtype: the number type of the certificate.

    Returns:
        `NAME.certificate.json` beside the source, None for a kernel without file.
    """
    if kernel.path is None:
        return None
    middle = "" if dtype == "float64" else f".{dtype}"
    path: Path = Path(kernel.path).with_suffix(f"{middle}.certificate.json")
    return path


def store(certificate: Certificate, kernel: Any) -> Path | None:
    """Write a certificate beside its kernel; what is seen there is never half a file.

    Args:
        certificate: the certificate.
        kernel: the kernel.

    Returns:
        The file, None for a kernel without file, or where the folder cannot be written to: then a
        warning is logged.
    """
    if certificate.dtype == "float64" and hasattr(kernel, "loaded_certificate"):
        # kernels without file keep it in hand, and no older one that came with a file
        kernel.loaded_certificate = certificate.to_dict()
    path = path_of(kernel, certificate.dtype)
    if path is None:
        return None
    try:
        write_whole(path, certificate.to_json())
    except OSError as error:
        LOG.warning(
            "the certificate cannot be written to %s: %s; make the folder writable, or set "
            "GEOMKIT_CACHE_DIR",
            path,
            error.strerror or error,
        )
        return None
    return path


def read(kernel: Any, dtype: str = "float64") -> Certificate | None:
    """Read the certificate that lies beside a kernel.

    Args:
        kernel: the kernel.
        dtype: number type of the certificate.

    Returns:
        The certificate, None if there is none.

    Raises:
        CertificateError: the file is there, but no certificate can be read from it.
    """
    path = path_of(kernel, dtype)
    if path is None:
        return None
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise CertificateError(f"{path} cannot be read: {error}; certify the kernel anew") from None
    try:
        return Certificate.from_json(text)
    except CertificateError as error:
        raise CertificateError(f"{path}: {error}") from None


def check(
    kernel: Any, *, certificate: Certificate | None = None, dtype: str = "float64"
) -> Certificate:
    """Refuse a kernel that has no passing certificate, or is not what was certified.

    Args:
        kernel: the kernel.
        certificate: its certificate; None: the one beside its source.
        dtype: the number type it is used with.

    Returns:
        The certificate, which is ok and belongs to the kernel as it is now.

    Raises:
        CertificateError: there is none, it did not pass, it is for another number type, or metric,
            program or source have changed since.

    Example:
        >>> import geomkit as gk
        >>> kernel = gk.compile(gk.catalog["sphere2"], "scalar", backend="interpret")
        >>> check(kernel)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        geomkit.errors.CertificateError: the interpret kernel of 'sphere2' has no certificate ...
    """
    found = certificate or read(kernel, dtype)
    what = f"the {kernel.backend} kernel of {kernel.metric.name!r}"
    if found is None:
        raise CertificateError(
            f"{what} has no certificate for {dtype}; make one with geomkit.certify(kernel), or "
            "pass it if the kernel is not kept on disk"
        )
    if found.dtype != dtype:
        raise CertificateError(
            f"{what} is certified for {found.dtype}, not for {dtype}; certify it with "
            f"dtype={dtype!r}"
        )
    changed = found.differences(kernel)
    if changed:
        raise CertificateError(
            f"{what} is not the one that was certified: {', '.join(changed)} changed since; "
            "compile and certify it anew"
        )
    if not found.ok:
        raise CertificateError(f"{what} did not pass: {'; '.join(found.objections)}")
    return found
