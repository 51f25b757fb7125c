"""What needs nothing else of the pack: errors, redaction, IDs, markup, URLs, JSON access."""
