"""Names of channels → their IDs, by walking the list of channels no further than needed."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List

from st2slack.errors import InputError, Refusal
from st2slack.web.pages import PAGE_SIZE

# Which channels to list. A token that may not see one kind is asked for the other alone.
_KINDS = ("public_channel,private_channel", "public_channel", "private_channel")

Call = Callable[[Dict[str, Any]], Any]


class ChannelNames:
    """Resolves names; pages that were read once are kept for the next name.

    `call` calls conversations.list with the arguments it is given.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._known: Dict[str, List[str]] = {}
        self._pages = self._walk()

    def __call__(self, name: str) -> str:
        """The ID of the channel of this name, without #. Raises InputError for none or several."""
        while name not in self._known and next(self._pages, None) is not None:
            pass
        found = self._known.get(name, [])
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(
                "Parameter `channels`: %r is the name of several channels (%s). Give the ID of "
                "the one you mean." % (name, ", ".join(found))
            )
        raise InputError(
            "Parameter `channels`: the token sees no channel named %r that is not archived. Check "
            "the name, invite the app to it if it is private, or give its ID (C...)." % name
        )

    def _walk(self) -> Iterator[int]:
        """Read page after page; yields how many channels are known by then."""
        arguments: Dict[str, Any] = {"exclude_archived": True, "limit": PAGE_SIZE}
        answer = self._first(arguments)
        while True:
            for channel in answer.get("channels") or ():
                ids = self._known.setdefault(str(channel.get("name")), [])
                ids += [channel["id"]] if channel["id"] not in ids else []
            yield len(self._known)
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor or cursor == arguments.get("cursor"):
                return
            arguments["cursor"] = cursor
            answer = self._call(dict(arguments))

    def _first(self, arguments: Dict[str, Any]) -> Any:
        """The first page, of those kinds that the token may list; `arguments` has them then."""
        for types in _KINDS:
            arguments["types"] = types
            try:
                return self._call(dict(arguments))
            except Refusal as refusal:
                if refusal.code != "missing_scope" or types == _KINDS[-1]:
                    raise
        raise AssertionError("the last kind returns or raises")
