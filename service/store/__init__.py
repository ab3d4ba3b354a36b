"""What is kept: SQLAlchemy and Redis live here and nowhere else."""
