"""A page for the Slack on loopback: what people see of it, and a way to take part.

    with LoopbackSlack() as slack:
        page = add(slack)
        print(page.url)

The page is served by the same server, below /page. What is done there goes the way it goes in
Slack: a message is an event, a press and a slash command are envelopes of Socket Mode.
"""

from __future__ import annotations

from sandbox.page.routes import Page, add

__all__ = ["Page", "add"]
