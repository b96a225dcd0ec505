"""Kernels as files, to hand to others: program, source and certificate together.

A file holds no machine code: the source is generated anew from the program when it is loaded, and
has to be the one that was certified.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from geomkit.errors import CertificateError, FileError, GeomkitError
from geomkit.program import Program

if TYPE_CHECKING:
    from .model import Kernel

__all__ = ["load_kernel", "save_kernel"]

FORMAT = 1


def save_kernel(kernel: Kernel, path: str | Path) -> Path:
    """Write a kernel, with the certificate that lies beside its source, if there is one.

    Args:
        kernel: the kernel.
        path: the file, `kerr.kernel.json` for instance.

    Returns:
        The path.

    Raises:
        FileError: the file cannot be written.
    """
    path = Path(path)
    content = {
        "geomkit kernel": FORMAT,
        "metric": kernel.metric.to_dict(),
        "quantities": list(kernel.quantities),
        "backend": kernel.backend,
        "program": kernel.program.to_dict(),
        "source": kernel.source,
        "certificate": _certificate(kernel),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".geomkit.", suffix=".part")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(content, stream, indent=1, ensure_ascii=False)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
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
        CertificateError: program or source are not those of the certificate, or there is none.
    """
    from geomkit.metric import Metric

    content = _read(Path(path))
    try:
        metric = Metric.from_dict(content["metric"])
        program = Program.from_dict(content["program"])
        quantities = [str(one) for one in content["quantities"]]
        backend, source, certificate = (content[k] for k in ("backend", "source", "certificate"))
    except (KeyError, TypeError, GeomkitError) as error:
        _refuse(path, str(error))
    found = {"program": program.hash, "source": hashlib.sha256(str(source).encode()).hexdigest()}
    if certified:
        _compare(str(path), certificate, found)
    kernel = cls(metric, quantities, program, backend)
    if kernel.source != source:
        raise CertificateError(
            f"{path}: this version of geomkit makes another source of the program than the one "
            "that is stored; compile the kernel anew, and certify it"
        )
    return kernel


def _certificate(kernel: Kernel) -> Any:
    """The certificate beside the source, None if there is none that can be read."""
    if kernel.path is None:
        return None
    try:
        return json.loads(kernel.path.with_suffix(".certificate.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _compare(path: str, certificate: Any, found: Mapping[str, str]) -> None:
    if not isinstance(certificate, dict) or not isinstance(certificate.get("hashes"), dict):
        raise CertificateError(
            f"{path} holds no certificate; certify the kernel before it is saved, or load it with "
            "certified=False"
        )
    changed = [k for k, digest in found.items() if certificate["hashes"].get(k) != digest]
    if changed:
        raise CertificateError(
            f"{path}: the {' and the '.join(changed)} of the kernel are not what was certified; "
            "compile and certify it anew"
        )
    if certificate.get("ok") is not True:
        raise CertificateError(f"{path}: the kernel did not pass: {certificate.get('verdict')}")


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileError("no such file", file=str(path), remedy="check the path") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        _refuse(path, str(error))
    if not isinstance(content, dict) or content.get("geomkit kernel") != FORMAT:
        _refuse(path, f"'geomkit kernel' is not {FORMAT}")
    return content


def _refuse(path: str | Path, reason: str) -> NoReturn:
    raise FileError(
        f"holds no kernel of geomkit ({reason})", file=str(path), remedy="write one by Kernel.save"
    ) from None
