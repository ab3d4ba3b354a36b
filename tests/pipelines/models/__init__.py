"""Models: the catalogue and the installer."""
