"""The pictures of README: what is drawn, and how a terminal or a browser becomes a picture."""
