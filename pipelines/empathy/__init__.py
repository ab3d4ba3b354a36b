"""How we answer: response policy, tone, grounded replies and the checks they must pass."""
