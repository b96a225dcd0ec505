"""Tests of ndm."""
