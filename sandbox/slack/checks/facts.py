"""The facts of every Web API method, read from etc/slack/web_api.json of the checkout."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Optional

# Scopes of bots that no method lists: for events, commands, webhooks, and how a message appears.
WITHOUT_METHOD = (
    "app_mentions:read",
    "chat:write.customize",
    "chat:write.public",
    "commands",
    "incoming-webhook",
)
WEB_API = Path(__file__).resolve().parents[3] / "etc" / "slack" / "web_api.json"


class Method:
    """The facts of one method that the server needs. Absent facts are empty, never guessed."""

    def __init__(self, name: str, facts: Dict[str, Any]) -> None:
        self.name = name
        self.args: Dict[str, Dict[str, Any]] = facts["args"]
        self.retired: bool = facts["retired"]
        self.takes_token: bool = facts.get("takes_token", True)
        self.token_types: List[str] = facts.get("token_types") or []
        self.scopes: Dict[str, List[str]] = facts.get("scopes") or {}
        self.errors: FrozenSet[str] = frozenset(facts.get("errors") or [])
        self.limits: Dict[str, int] = facts.get("limits") or {}
        self.response_keys: List[str] = facts.get("response_keys") or []
        self.pagination: Dict[str, Any] = facts.get("pagination") or {}
        self.takes_json: bool = "application/json" in (facts.get("content_types") or [])
        self.groups: List[Dict[str, Any]] = facts.get("at_least_one_of") or []
        self.not_together: List[List[str]] = facts.get("not_together") or []
        self.only_together: List[List[str]] = facts.get("only_together") or []

    def code(self, *candidates: str) -> str:
        """The first of these codes that Slack documents for the method, else the general one."""
        documented = (candidate for candidate in candidates if candidate in self.errors)
        return next(documented, "invalid_arguments")


class Facts:
    """All methods by name, and which of them take the client's credentials as Basic auth."""

    def __init__(self, document: Dict[str, Any]) -> None:
        auth = document["meta"]["auth"]
        self.basic_auth: FrozenSet[str] = frozenset(auth["oauth_basic_auth_methods"])
        self.methods: Dict[str, Method] = {
            name: Method(name, facts) for name, facts in document["methods"].items()
        }

    def get(self, name: str) -> Optional[Method]:
        """The method of this name, None where Slack has none."""
        return self.methods.get(name)

    def scopes(self, kind: str) -> List[str]:
        """All scopes that a token of this kind can have, sorted."""
        documented = {
            each for method in self.methods.values() for each in method.scopes.get(kind, [])
        }
        return sorted(documented.union(WITHOUT_METHOD if kind == "bot" else ()))


@lru_cache(maxsize=None)
def load(path: Path = WEB_API) -> Facts:
    """Read the facts; once per process, since nothing changes them."""
    with path.open(encoding="utf-8") as file:
        return Facts(json.load(file))
