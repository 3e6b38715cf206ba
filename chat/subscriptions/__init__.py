"""What windows follow."""
