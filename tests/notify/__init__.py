"""Tests of `kwatch.notify`."""
