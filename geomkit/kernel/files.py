"""Kernels as files, to hand to others: program, source and certificate together.

A file holds no machine code: the source is generated anew from the program when it is loaded, and
has to be the one that was certified.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from geomkit.errors import CertificateError, FileError, GeomkitError
from geomkit.program import Program
from geomkit.writing import write_whole

from .identity import metric_hash, text_hash

if TYPE_CHECKING:
    from .model import Kernel

__all__ = ["load_kernel", "read_certificate", "save_kernel"]

FORMAT = 1
CERTIFICATE = ".certificate.json"


def save_kernel(kernel: Kernel, path: str | Path, certificate: Any = None) -> Path:
    """Write a kernel and its certificate.

    Args:
        kernel: the kernel.
        path: the file, `kerr.kernel.json` for instance.
        certificate: the certificate; None: `kernel.certificate`, if there is one.

    Returns:
        The path.

    Raises:
        FileError: the file cannot be written.
    """
    path = Path(path)
    if certificate is not None:
        certificate = json.loads(certificate.to_json())
    content = {
        "geomkit kernel": FORMAT,
        "metric": kernel.metric.to_dict(),
        "quantities": list(kernel.quantities),
        "backend": kernel.backend,
        "program": kernel.program.to_dict(),
        "source": kernel.source,
        "certificate": certificate or kernel.certificate,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, content)
    except OSError as error:
        raise FileError(
            f"cannot be written ({(error.strerror or str(error)).lower()})",
            file=str(path),
            remedy="name a file in a folder that you may write to",
        ) from None
    return path


def load_kernel(cls: type[Kernel], path: str | Path, *, certified: bool) -> Kernel:
    """Read what `save_kernel` wrote.

    Args:
        cls: the class to make.
        path: the file.
        certified: whether a passing certificate is needed.

    Returns:
        The kernel.

    Raises:
        FileError: there is no such file, or it holds no kernel.
        CertificateError: metric, quantities, program, backend or source are not those of the
            certificate, or there is none.
    """
    from geomkit.metric import Metric

    content = _read(Path(path))
    try:
        metric = Metric.from_dict(content["metric"])
        program = Program.from_dict(content["program"])
        quantities = [str(one) for one in content["quantities"]]
        backend, source = str(content["backend"]), str(content["source"])
        certificate = content["certificate"]
    except (KeyError, TypeError, ValueError, GeomkitError) as error:
        _refuse(path, str(error))
    if certified:
        found = {
            "metric": metric_hash(metric),
            "program": program.hash,
            "source": text_hash(source),
        }
        _compare(str(path), certificate, found, {"quantities": quantities, "backend": backend})
    try:
        kernel = cls(metric, quantities, program, backend)
    except GeomkitError as error:
        _refuse(path, str(error))
    if kernel.source != source:
        raise CertificateError(
            f"{path}: this version of geomkit makes another source of the program than the one "
            "that is stored; compile the kernel anew, and certify it"
        )
    if certified:
        _keep_certificate(kernel, certificate)
    return kernel


def read_certificate(kernel: Kernel) -> Any:
    """Read the certificate that lies beside the source of a kernel.

    Args:
        kernel: the kernel.

    Returns:
        What the JSON holds; None if there is none that can be read.
    """
    if kernel.path is None:
        return None
    try:
        return json.loads(kernel.path.with_suffix(CERTIFICATE).read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _keep_certificate(kernel: Kernel, certificate: Any) -> None:
    """Put the certificate of a file beside the source, so that it is found there as well."""
    kernel.loaded_certificate = certificate
    if kernel.path is None or kernel.path.with_suffix(CERTIFICATE).exists():
        return
    with contextlib.suppress(OSError):  # it is kept in memory in any case
        _write(kernel.path.with_suffix(CERTIFICATE), certificate)


def _write(path: Path, content: Any) -> None:
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False), mode=0o644)


def _compare(
    path: str, certificate: Any, found: Mapping[str, str], said: Mapping[str, Any]
) -> None:
    if not isinstance(certificate, dict) or not isinstance(certificate.get("hashes"), dict):
        raise CertificateError(
            f"{path} holds no certificate; certify the kernel before it is saved, or load it with "
            "certified=False"
        )
    changed = [k for k, digest in found.items() if certificate["hashes"].get(k) != digest]
    changed += [k for k, value in said.items() if certificate.get(k) != value]
    if changed:
        raise CertificateError(
            f"{path}: {' and '.join(changed)} of the kernel {'is' if len(changed) == 1 else 'are'} "
            "not what was certified; compile and certify it anew"
        )
    if certificate.get("ok") is not True or certificate.get("problems") != []:
        raise CertificateError(f"{path}: the kernel did not pass: {certificate.get('verdict')}")


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileError("no such file", file=str(path), remedy="check the path") from None
    except (OSError, ValueError, RecursionError) as error:
        _refuse(path, str(error))
    if not isinstance(content, dict) or content.get("geomkit kernel") != FORMAT:
        _refuse(path, f"'geomkit kernel' is not {FORMAT}")
    return content


def _refuse(path: str | Path, reason: str) -> NoReturn:
    raise FileError(
        f"holds no kernel of geomkit ({reason})", file=str(path), remedy="write one by Kernel.save"
    ) from None
