"""PURE: Slack's error code → one line with what it means and what to do about it.

Meanings are ours, for the codes that people meet; a code that is not here is shown as Slack gave
it, with the page of the method, which lists the method's own codes.
"""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence, Tuple

from st2slack.api.error_meanings import MEANINGS, MEANINGS_BY_METHOD, MEANINGS_BY_PREFIX

REFERENCE = "https://docs.slack.dev/reference/methods/"


def explain(
    method: str,
    answer: Mapping[str, Any],
    token_key: str = "`action_token`",
    kinds: Sequence[str] = (),
    replaced_by: Sequence[str] = (),
    *,
    writes: bool = True,
    largest: Optional[int] = None,
    status: Any = None,
) -> str:
    """One line about Slack's refusal: method, code, meaning, what Slack says of it, what to do.

    `writes`: whether the method changes something; `largest`: the size that a page of it can have;
    `status`: of HTTP, told where it is not 200.
    """
    code = str(answer.get("error") or "no error code")
    meaning, advice = _find(method, code)
    if not answer.get("error") and _is_failure(status):
        advice = "It may come from something in between (a proxy, a gateway)."
    advice = advice.format(
        token_key=token_key,
        method=method,
        kinds=_list_token_kinds(kinds),
        replacement=_replacement(replaced_by),
        again="Look in Slack before you repeat it." if writes else "Try again later.",
        limit=_limit_advice(largest),
    )
    said = "; ".join(_details(answer))
    text = "%s was refused by Slack" % method
    text += " (HTTP %s): %s" % (status, code) if _is_failure(status) else ": %s" % code
    text += " (%s)" % meaning if meaning else ""
    text += ". Slack says: %s" % said if said else ""
    return text.rstrip(".") + ". " + advice


def is_known(code: str) -> bool:
    """Whether this is one of Slack's error codes that have a meaning here."""
    return code in MEANINGS


def _find(method: str, code: str) -> Tuple[str, str]:
    """(what the code means in this method, what to do)."""
    for (family, own), found in MEANINGS_BY_PREFIX.items():
        if own == code and method.startswith(family):
            return found
    unknown = ("", "See %s%s for the codes of this method." % (REFERENCE, method))
    return MEANINGS_BY_METHOD.get((method, code)) or MEANINGS.get(code) or unknown


def _is_failure(status: Any) -> bool:
    # A test of a 2.x user may hand a mock.
    return isinstance(status, int) and status != 200


def _limit_advice(largest: Optional[int]) -> str:
    if largest is None:
        return "Give a smaller one; Slack recommends 200 at most."
    return "Give one from 1 to %d." % largest


def _details(answer: Mapping[str, Any]) -> List[str]:
    """What the answer itself tells beyond the code: scopes, messages about arguments, details."""
    said: List[str] = []
    if answer.get("needed"):
        said.append(
            "needed scope: %s, the token has: %s"
            % (answer["needed"], answer.get("provided") or "none")
        )
    metadata = answer.get("response_metadata")
    messages = metadata.get("messages") if isinstance(metadata, Mapping) else None
    for more in (messages, answer.get("errors")):
        if isinstance(more, list):
            said += [_flat(each) for each in more]
    for key in ("detail", "reason", "message"):
        if isinstance(answer.get(key), str) and answer[key]:
            said.append(_flat(answer[key]))
    return said


def _flat(text: Any) -> str:
    return " ".join(str(text).split())


def _list_token_kinds(kinds: Sequence[str]) -> str:
    names = {
        "configuration": "app configuration (xoxe.xoxp-...)",
        "app": "app level (xapp-...)",
        "bot": "bot (xoxb-...)",
        "user": "user (xoxp-...)",
        "admin": "legacy administrator's (xoxp-...)",
    }
    return " or ".join(names.get(kind, kind) for kind in kinds) or "see its page"


def _replacement(replaced_by: Sequence[str]) -> Optional[str]:
    if not replaced_by:
        return "There is no replacement."
    return "Use %s." % " and ".join("slack.%s" % name for name in replaced_by)
