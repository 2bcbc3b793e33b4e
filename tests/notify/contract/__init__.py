"""Every channel against its vendor: one file for each."""
