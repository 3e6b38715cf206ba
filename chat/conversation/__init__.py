"""What people say, and what they see of it: sessions, messages and branches."""
