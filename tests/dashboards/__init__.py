"""What people look at, looked at."""
