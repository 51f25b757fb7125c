"""Socket Mode and RTM: connections, envelopes, deliveries, and faults of these."""
