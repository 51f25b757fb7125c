"""Renewing a token that expires: a refresh token for the next access and refresh token.

A refresh token works once (docs.slack.dev, "Using token rotation"), so what may fail is tried
before it is used, and what it brought is kept before anything else may fail:

    1. read the refresh token from the datastore      nothing there: nothing was done
    2. open the file for rescue (see rescue.py)       a folder that refuses is found here
    3. store what a run before could not store        it stands in that file
    4. write into the datastore and read it back      a datastore that refuses is found here
    5. exchange, once                                 no answer: it may be used up, and this is said
    6. write both new tokens into that file
    7. store them, again and again for a while        in vain: the file stays, the error names it
    8. remove the file

Step 4 writes a key of its own: written back, the old refresh token could take the place of a new
one that another run, on another machine, stored meanwhile.

What is left: where Slack's answer is lost on its way nobody has the new tokens; where the datastore
and the file, both good a moment before, refuse, they end with the process. A token is shown in
neither case: an execution's output is kept and read by many, and the access token before goes on
until it expires, time enough to make new ones on the app's page.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Tuple

from st2slack.api.client import Client
from st2slack.api.retry import TROUBLE
from st2slack.base.errors import (
    InputError,
    NotStored,
    ResponseLost,
    SettingsError,
    SlackApiError,
    SlackError,
    UnexpectedResponse,
)
from st2slack.base.redact import redact
from st2slack.settings.rotation import RotationSettings
from st2slack.settings.values import check_token
from st2slack.tokens.recovery_file import Rescue

_OF_THE_TOKEN = ("invalid_refresh_token", "token_expired", "token_revoked")
PAUSES = (1.0, 2.0, 4.0, 8.0, 8.0)  # seconds between tries to store
_SPENT = (
    "The refresh token may be used up: if the next run is refused with invalid_refresh_token, make "
    "new tokens on the app's page and set the datastore keys %s and %s."
)


@dataclass(frozen=True)
class Datastore:
    """StackStorm's, as far as it is needed; both work on encrypted values of the system scope.

    `read`: key → text, None where there is none or it cannot be had. `write`: key, text; raises.
    """

    read: Callable[[str], Optional[str]]
    write: Callable[[str, str], Any]


class Rotation:
    """Renews one token.

    `now`: Unix seconds. `left`: seconds that the caller itself still has, None where nobody knows.
    """

    def __init__(
        self,
        client: Client,
        settings: RotationSettings,
        datastore: Datastore,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        left: Callable[[], Optional[float]] = lambda: None,
    ) -> None:
        self._client = client
        self._settings = settings
        self._datastore = datastore
        self._now = now
        self._sleep = sleep
        self._left = left

    def run(self, first: bool = False) -> Dict[str, Any]:
        """Renew it. `first`: there is no refresh token yet, but a token that does not expire.

        Returns {"ok", "renewed" (config key), "workspace", "team", "team_id", "expires_in"
        (seconds), "expires_at" (UTC, ISO 8601), "stored" (datastore keys), "took_up" (whether
        tokens of a run before were found)}; no token. Raises a SlackError.
        """
        token = self._long_lived_token() if first else self._refresh_token()
        rescue, token, took_up = self._take_up(token)
        try:
            self._prove()
            answer = self._exchange(*self._call(token, first and not took_up))
            values = self._values(answer)
        except BaseException:
            rescue.discard()
            raise
        self._keep(rescue, values)
        return self._told(answer, sorted(values), took_up)

    def _refresh_token(self) -> str:
        key = self._settings.refresh_token_key
        text = self._datastore.read(key)
        if not text:
            raise SettingsError(
                "The datastore key %s holds no refresh token, or cannot be read. Set it: "
                "st2 key set %s xoxe-1-... --encrypt. Nothing was exchanged." % (key, key)
            )
        return check_token(text, "The datastore key %s" % key)

    def _long_lived_token(self) -> str:
        """The token of an app that was installed before token rotation was switched on."""
        token_key, key = self._keys()
        if not self._settings.needs_client:
            raise InputError("Parameter `first` is not for tokens of app configurations.")
        if self._datastore.read(key):
            raise InputError(
                "Parameter `first`: the datastore key %s has a refresh token. Leave it out." % key
            )
        text = self._datastore.read(token_key)
        if not text or text.startswith("xoxe"):
            raise SettingsError(
                "The datastore key %s holds no token that could be exchanged for one that "
                "expires (xoxb-..., xoxp-...). Nothing was exchanged." % token_key
            )
        return check_token(text, "The datastore key %s" % token_key)

    def _take_up(self, token: str) -> Tuple[Rescue, str, bool]:
        """(the open file, the token to go on with, whether that one had to be stored)."""
        took_up = False
        while True:
            rescue = Rescue(self._settings.rescue_folder, token)
            found = rescue.found.get(self._settings.refresh_token_key)
            if found is None:
                return rescue, token, took_up
            self._keep(rescue, rescue.found, written=True)
            token, took_up = found, True

    def _prove(self) -> None:
        key = self._settings.refresh_token_key + ".probe"
        fault = self._fault_of_storing(key, "written %d" % self._now())
        if fault:
            raise SlackError(
                "The datastore does not take the key %s (%s). Nothing was exchanged; see that "
                "st2api runs and that StackStorm has an encryption key for the datastore."
                % (key, fault)
            )

    def _exchange(self, method: str, arguments: Dict[str, str], token: Optional[str] = None) -> Any:
        try:
            return self._client.call(method, arguments, token=token)
        except (ResponseLost, UnexpectedResponse) as error:
            error.add(" " + _SPENT % self._keys())
            raise
        except SlackApiError as refusal:
            refusal.add(self._about(refusal.code))
            raise

    def _about(self, code: str) -> str:
        """What a refusal means for the refresh token; "" where it is as good as before."""
        if code in TROUBLE:
            return " " + _SPENT % self._keys()
        if code not in _OF_THE_TOKEN:
            return ""
        return (
            " The refresh token was used before, or was revoked: make new tokens on the app's page "
            "and set the datastore keys %s and %s." % self._keys()
        )

    def _call(self, token: str, first: bool) -> Tuple[str, Dict[str, str], Optional[str]]:
        """Method, arguments, and the token that goes into the header."""
        if not self._settings.needs_client:
            return "tooling.tokens.rotate", {"refresh_token": token}, None
        client = {
            "client_id": str(self._settings.client_id),
            "client_secret": str(self._settings.client_secret),
        }
        if first:
            return "oauth.v2.exchange", client, token
        arguments = {**client, "grant_type": "refresh_token", "refresh_token": token}
        return "oauth.v2.access", arguments, None

    def _values(self, answer: Any) -> Dict[str, str]:
        """Datastore key → token. The access token comes first, see `_keep`."""
        access = answer.get("access_token") or answer.get("token")
        refresh = answer.get("refresh_token")
        if not (isinstance(access, str) and isinstance(refresh, str) and access and refresh):
            raise UnexpectedResponse(
                "Slack renewed the token but sent no new pair. Is token rotation on for the app "
                "(app's page, OAuth & Permissions)? " + _SPENT % self._keys()
            )
        token_key, refresh_token_key = self._keys()
        return {token_key: access, refresh_token_key: refresh}

    def _keep(self, rescue: Rescue, values: Dict[str, str], written: bool = False) -> None:
        """Store the tokens; where that fails they stay in the file.

        The refresh token is stored last: as long as the old one is in the datastore, the next run
        finds the file. Where there is no file it is stored first, as it is worth more.
        """
        written = written or rescue.write(values)
        pending = list(values.items()) if written else list(values.items())[::-1]
        fault = self._stored(pending)
        if not fault:
            rescue.discard()
            return
        if written:
            rescue.close()
            raise NotStored(self._where_they_are(rescue, pending, fault), rescue.path)
        rescue.discard()
        raise NotStored(
            "Slack gave new tokens, but neither the datastore (%s) nor the file %s took them: they "
            "are lost. The access token before works until it expires; make new tokens on the "
            "app's page and set the datastore keys %s and %s." % (fault, rescue.path, *self._keys())
        )

    @staticmethod
    def _where_they_are(rescue: Rescue, pending: List[Tuple[str, str]], fault: str) -> str:
        return (
            "Slack gave new tokens, but the datastore does not take %s (%s). They are in the file "
            "%s of this action runner, which only its user may read. The next run on it stores "
            "them; or type there: %s"
            % (
                " and ".join(key for key, _ in pending),
                fault,
                rescue.path,
                rescue.how_to_load(),
            )
        )

    def _stored(self, pending: List[Tuple[str, str]]) -> str:
        """Store all of `pending`, leaving there what could not be: why not, "" if all is stored."""
        fault = ""
        for pause in (0.0, *PAUSES):
            left = self._left() if pause else None
            if left is not None and left <= pause + 1:
                break  # time to say where the tokens are
            if pause:
                self._sleep(pause)
            while pending:
                fault = self._fault_of_storing(*pending[0])
                if fault:
                    break
                pending.pop(0)
            if not pending:
                return ""
        return fault

    def _fault_of_storing(self, key: str, text: str) -> str:
        """Write and read back: what went wrong, without the value; "" for nothing."""
        try:
            self._datastore.write(key, text)
            kept = self._datastore.read(key)
        except Exception as error:  # noqa: BLE001 (StackStorm's client raises what it likes)
            words = " ".join(redact(str(error), [text]).split())[:200].rstrip(".")
            return "%s: %s" % (type(error).__name__, words) if words else type(error).__name__
        return "" if kept == text else "it reads back as something else, or not at all"

    def _keys(self) -> Tuple[str, str]:
        return self._settings.token_key, self._settings.refresh_token_key

    def _told(self, answer: Any, stored: List[str], took_up: bool) -> Dict[str, Any]:
        team = answer.get("team") or {}
        seconds = answer.get("expires_in")
        if seconds is None and answer.get("exp") and answer.get("iat"):
            seconds = int(answer["exp"]) - int(answer["iat"])
        ends = None if seconds is None else time.gmtime(self._now() + float(seconds))
        return {
            "ok": True,
            "renewed": self._settings.renews,
            "workspace": self._settings.workspace or "",
            "team": team.get("name"),
            "team_id": team.get("id") or answer.get("team_id"),
            "expires_in": seconds,
            "expires_at": ends and time.strftime("%Y-%m-%dT%H:%M:%SZ", ends),
            "stored": stored,
            "took_up": took_up,
        }
