"""What a transport does, whichever it is: Socket Mode or RTM."""

from __future__ import annotations

from typing import Optional, Protocol, Union

from st2slack.api.client import Client
from st2slack.sensor.frames import Frame


class Transport(Protocol):
    """Opens a URL for a WebSocket and reads its frames."""

    name: str

    def open_url(self, client: Client, token: Optional[str] = None) -> str:
        """A URL to connect to. Raises a SlackError."""

    def read(self, text: Union[str, bytes]) -> Frame:
        """What the frame means."""

    @staticmethod
    def ping(number: int) -> Optional[str]:
        """The text of a ping; None for a ping of the WebSocket itself."""
