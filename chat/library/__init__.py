"""What an account has besides its sessions: projects, folders, agents and templates."""
