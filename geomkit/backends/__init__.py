"""Backends: programs as code of a language. Each module has `build(program, ...)`.

A backend is a table of spellings (`geomkit.program.Spelling`) and a calling convention; what it
has no word for it refuses with a `LoweringError` that names function and component. None of them
is imported before it is needed.
"""
