"""What can be seen from outside: metrics, logs, event-loop lag."""
