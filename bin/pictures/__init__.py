"""The pictures of README, as SVG text: what is drawn, and how a terminal becomes a drawing."""
