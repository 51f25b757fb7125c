"""The pictures of README and docs/: what is drawn, and how terminals and browsers are drawn."""
