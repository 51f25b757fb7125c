"""PURE: what the API answers with when it does not do what was asked."""

from __future__ import annotations


class ApiError(Exception):
    """A status of HTTP and the text that goes into `faultstring`."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def not_found(what: str) -> ApiError:
    """404."""
    return ApiError(404, what)


def bad_request(what: str) -> ApiError:
    """400."""
    return ApiError(400, what)
