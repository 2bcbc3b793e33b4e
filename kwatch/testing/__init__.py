"""The test kit that is shipped: what the tests of kwatch, and of channels for it, are built from."""
