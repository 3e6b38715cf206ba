"""What is deleted, brought back, and forgotten."""
