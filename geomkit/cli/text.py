"""The long help of the commands; a line of backspace keeps the lines of its block as they are."""

from __future__ import annotations

DERIVE = """Derive curvature quantities of a metric, exactly and in simplified form.

\b
Examples:
  geomkit derive kerr --quantity kretschmann
  geomkit derive schwarzschild -q christoffel,riemann_down --format latex
  geomkit derive my_metric.toml -q ricci --index ud --format json --budget 60
  geomkit derive sphere3 -q properties

\b
Quantities: metric inverse_metric determinant volume_element christoffel
  christoffel_down riemann riemann_down ricci ricci_mixed tracefree_ricci
  einstein einstein_mixed schouten weyl cotton scalar gauss kretschmann
  ricci_squared weyl_squared euler_density chern_pontryagin signature;
  properties: is_flat is_ricci_flat is_einstein is_constant_curvature
  is_conformally_flat is_locally_symmetric (all of them: properties).

Exit status: 0; 2 if the input cannot be used; 3 if it is over budget.
"""

SHOW = """Show a metric: line element, parameters, domain, claims; or a stage of a derivation.

\b
Examples:
  geomkit show kerr
  geomkit show my_metric.toml
  geomkit show kerr --quantity ricci --stage tensors
  geomkit show kerr --quantity kretschmann --stage program
  geomkit show kerr --quantity kretschmann --stage numba

Stages: tensors (what was derived), program (what is computed, in mathematics), numba and torch
(the source of the kernel).
"""

COMPILE = """Compile quantities of a metric into a kernel, which is kept on disk.

\b
Examples:
  geomkit compile kerr
  geomkit compile kerr -q riemann_down,ricci,scalar,kretschmann
  geomkit compile kerr -q "laplacian(r*cos(theta))" -q "sigma = r**2 + a**2*cos(theta)**2"
  geomkit compile my_metric.toml -q geodesic --backend torch --output geodesic.py

\b
Quantities: those of `geomkit derive` (but for signature and properties), and
  laplacian(EXPR) gradient(EXPR) hessian(EXPR), geodesic transport jacobi
  energy momentum (along curves), and NAME = EXPR.

Over its budget a kernel computes step by step (staged), and a warning says so.

Exit status: 0; 2 if the input cannot be used.
"""

CERTIFY = """Prove how accurate a kernel is.

The kernel is compared with rigorous enclosures of the tensors at random points of the domain and at
points chosen to hurt: edges, poles, horizons. The identities of the tensors are proved exactly.

\b
Examples:
  geomkit certify kerr
  geomkit certify kerr -q kretschmann --points 200 --json kerr.certificate.json
  geomkit certify my_metric.toml --backend torch

\b
Exit status:
  0  the kernel is certified
  1  it is not; the certificate says why
  2  the input cannot be used
"""

CACHE = """Look at the kernels that are kept on disk, or remove them."""

GEODESIC = """Follow a geodesic of a metric, and watch what is conserved along it.

\b
Examples:
  geomkit geodesic sphere2 --from 1.57,0 --velocity 0.5,1 --length 6.28
  geomkit geodesic kerr -p M=1 -p a=9/10 --from 0,20,pi/2,0 \\
      --velocity 0,-1,0,1/50 --kind null --length 40 --plot ray.png

Exit status: 0; 1 when the integration stopped for another reason than asked for; 2 if the input
cannot be used.
"""

CATALOG = """List the metrics of the catalogue, or show one with its reference and claims.

\b
Examples:
  geomkit catalog
  geomkit catalog kerr
"""

VERIFY = """Prove or refute the claims of claim files.

\b
Examples:
  geomkit verify paper.toml
  geomkit verify claims/ --json verdicts.json --html report.html
  geomkit verify a.toml b.toml --budget 10 --jobs 4
  geomkit verify long.toml --budget none

A claim that takes longer than the budget is undecided, and the work goes on with the
next one; a file that cannot be read within it is an error. Each file is read and checked
in a process of its own, so that nothing can hang.

\b
Exit status, over all files:
  2  a file cannot be used (the message names file, key and remedy)
  1  else, a claim fails
  3  else, a claim is undecided
  0  every claim holds
"""
