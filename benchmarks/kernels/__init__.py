"""Kernels against the same formulas in C and in other packages: `make bench`, second part."""
