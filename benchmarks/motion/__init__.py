"""The targets of `ndm.dynamics`, measured: `python -m benchmarks.motion`.

A row of the table is a module with a `ROW`, made of a function measure(case, seed) and of goals.
Each (row, case, seed) leaves one file in results/ as soon as it is measured; what is there with the
same settings is not measured again. docs/ndm/dynamics-table.md is written from these files alone.
"""
