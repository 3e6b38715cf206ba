"""What a user would pick instead: small servers that publish the same deltas, from a timer of their own."""
