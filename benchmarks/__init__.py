"""How fast geomkit is, in one run against plain SymPy and other packages: `make bench`."""
