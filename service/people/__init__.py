"""Who may come in: passwords, logins, keys."""
