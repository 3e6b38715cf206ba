"""What an account may have, and how often it may ask."""
