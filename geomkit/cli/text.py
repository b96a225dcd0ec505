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
