"""The file that holds new tokens until the datastore has them, so that no end of a run loses them.

It is opened, locked and given its room on the disk before the exchange, written as soon as the
answer is there, and removed when the datastore has everything. What a run leaves behind, killed or
refused by the datastore, the next run finds: the name comes from the refresh token that was
exchanged, so a file that is out of date is never taken for a new one.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
import stat
from typing import Dict, Mapping

from st2slack.base.errors import SettingsError, SlackError

_ROOM = 4096  # bytes: more than two tokens take
_BUSY = "Another run renews this token just now. Nothing was done."


class Rescue:
    """The open file. `path`; `found`: datastore key → token, left there by a run before."""

    def __init__(self, folder: str, refresh_token: str) -> None:
        digest = hashlib.sha256(refresh_token.encode("utf-8", "replace")).hexdigest()
        self.path = os.path.join(folder, "slack-tokens-%s.json" % digest[:16])
        self._file = _locked(self.path)
        self.found = self._contents()
        try:
            if not self.found:
                self._fill(b" " * _ROOM)
        except SlackError:
            self.discard()
            raise

    def write(self, values: Mapping[str, str]) -> bool:
        """Put the tokens into the file, in the form that `st2 key load` reads; whether it did."""
        rows = [{"name": key, "value": text, "secret": True} for key, text in values.items()]
        try:
            self._fill(json.dumps(rows).encode("ascii").ljust(_ROOM))
        except SlackError:
            return False
        return True

    def discard(self) -> None:
        """The file is no longer needed."""
        try:
            os.unlink(self.path)
        except OSError:  # out of date from now on, and never read again
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Leave the file where it is."""
        os.close(self._file)

    def how_to_load(self) -> str:
        """What to type so that the datastore gets what the file has, shown nowhere."""
        return "st2 key load {0} > /dev/null && rm {0}".format(shlex.quote(self.path))

    def _contents(self) -> Dict[str, str]:
        try:
            text = os.pread(self._file, 1 << 20, 0).decode("ascii")
            return {str(row["name"]): str(row["value"]) for row in json.loads(text or "[]")}
        except (OSError, ValueError, TypeError, KeyError):
            return {}  # blank, or not written to its end: no more than the room for tokens

    def _fill(self, content: bytes) -> None:
        try:
            os.pwrite(self._file, content, 0)
            os.ftruncate(self._file, len(content))
            os.fsync(self._file)
        except OSError as error:
            raise _no_place(self.path, error) from None


def _locked(path: str) -> int:
    """The file, open and ours alone; it is made where it is not there, readable by nobody else."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        try:
            file = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            file = os.open(path, flags)
    except OSError as error:
        raise _no_place(path, error) from None
    try:
        _check(file, path)
    except BaseException:
        os.close(file)
        raise
    return file


def _check(file: int, path: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        there, ours = os.stat(path, follow_symlinks=False), os.fstat(file)
    except (BlockingIOError, FileNotFoundError):
        raise SlackError(_BUSY) from None
    except OSError as error:  # a file system that knows no locks
        raise _no_place(path, error) from None
    if there.st_ino != ours.st_ino:  # the other run has just removed it
        raise SlackError(_BUSY)
    if not stat.S_ISREG(ours.st_mode) or ours.st_uid != os.geteuid() or ours.st_mode & 0o077:
        raise SettingsError(
            "%s is not a file that only the action runner may read. Nothing was exchanged: look "
            "who put it there, and remove it." % path
        )


def _no_place(path: str, error: OSError) -> SettingsError:
    return SettingsError(
        "No file can be written in %s (%s), where new tokens are kept until the datastore has "
        "them. Name another folder in the config key `rotation.rescue_folder`."
        % (os.path.dirname(path), error.strerror)
    )
