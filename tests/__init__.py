"""Tests of geomkit and ndm: laws, independent oracles, random metrics."""
