"""Reads and writes the sensor's keys of the datastore; a datastore that fails stops nothing."""

from __future__ import annotations

from typing import Callable, Optional, Tuple

from st2slack.base.redact import redact


class CheckpointStore:
    """Warns once when the datastore begins to fail, and once when it works again.

    `read`, `write`: the datastore. `warn` takes a line. `failures` counts reads and writes that
    failed.
    """

    def __init__(
        self,
        read: Callable[[str], Optional[str]],
        write: Callable[[str, str], None],
        warn: Callable[[str], None],
    ) -> None:
        self._read = read
        self._write = write
        self._warn = warn
        self._is_failing = False
        self.failures = 0

    def read(self, key: str) -> Tuple[bool, Optional[str]]:
        """Whether the key could be read, and its value."""
        try:
            return True, self._read(key)
        except Exception as error:  # whatever the datastore's client raises
            self._note_failure("read", error)
            return False, None

    def write(self, key: str, text: str) -> bool:
        """False where the datastore did not take it."""
        try:
            self._write(key, text)
        except Exception as error:  # whatever the datastore's client raises
            self._note_failure("written", error)
            return False
        if self._is_failing:
            self._is_failing = False
            self._warn("The datastore takes what the sensor remembers again.")
        return True

    def _note_failure(self, what: str, error: Exception) -> None:
        self.failures += 1
        if not self._is_failing:
            self._is_failing = True
            self._warn(
                "The datastore cannot be %s (%s: %s). The sensor goes on; what happens while it is "
                "away may be missed, or come twice, if it is restarted before that is mended."
                % (what, type(error).__name__, redact(str(error)))
            )
