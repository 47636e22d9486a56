"""The websocket, and the fan-out inside a worker."""
