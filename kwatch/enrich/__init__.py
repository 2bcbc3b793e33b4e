"""What is asked for beside the watches: bounded, and never in the way of a decision."""
