"""What geometry costs in training, and what it does: the page docs/ndm/benchmarks.md.

Each part is a module with `TITLE`, `measure() -> dict` and `section(data) -> str`; what a part
measured is kept in results/NAME.json, and the page is written from these files.
"""
