"""Web push: news that reaches people's devices while no page of ours is open."""
