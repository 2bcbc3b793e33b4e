"""What tests and demonstrations of kwatch need, shipped with it."""
