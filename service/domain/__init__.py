"""Words of the contact centre; standard library only."""
