"""The HTTP side: the server, its routes, requests and responses, and faults of both."""
