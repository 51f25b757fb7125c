"""The small company that every loopback Slack begins with."""

from __future__ import annotations

from typing import Any, List, Sequence, Tuple

from sandbox.slack.state.workspace import START, Channel, User, Workspace

TEAM = "T0123456789"
OWNER = "U0HARBOUR01"
TOMASZ = "U0HARBOUR02"
PRIYA = "U0HARBOUR03"
JONAS = "U0HARBOUR04"
LEA = "U0HARBOUR05"
BOT = "U0HARBOUR06"
BOT_ID = "B0HARBOUR01"

GENERAL = "C0GENERAL01"
RANDOM = "C0RANDOM001"
DEPLOYS = "C0DEPLOYS01"
INCIDENTS = "C0INCIDENT1"
ARCHIVED = "C0OLDSITE01"

TALK = {
    GENERAL: (
        "Good morning! The crane on quay 4 is back in service.",
        "Stand-up in ten minutes, in the room by the window.",
        "The new tide tables are on the wiki.",
        "Reminder: the fire drill is on Thursday at 11.",
        "Who has the key to the chart room?",
        "Found it. It was in the chart room.",
        "The pilots ask for an earlier weather report; can we run it at 5?",
        "Yes, moved to 5. The first one comes tomorrow.",
        "Lunch is soup today.",
        "The invoices of October are out. Thanks, everyone.",
    ),
    RANDOM: (
        "There is a seal on the slipway again.",
        "It has been given a name: Bollard.",
        "Bollard has moved to the fish market.",
        "Anybody for a walk along the breakwater after work?",
    ),
    DEPLOYS: (
        "Release 4.11.0 of berth-planner is on staging.",
        "Smoke tests passed: 214 of 214.",
        "Release 4.11.0 of berth-planner is live.",
        "Rolled tide-api back to 2.8.3: the answer times doubled.",
        "Release 2.8.5 of tide-api is live; answer times are normal.",
    ),
    INCIDENTS: (
        "INC-204: the berth planner does not answer since 06:12.",
        "Closed INC-203: the disk of the log host has room again.",
    ),
    ARCHIVED: ("The old site is switched off. This channel closes today.",),
}
THREAD = (
    "Looking at it.",
    "The certificate of the database proxy ran out. Renewing.",
    "Renewed. Answers are back since 06:31.",
)


def harbour_works() -> Workspace:
    """Harbour Works: six users, five channels, and what they said so far."""
    workspace = Workspace(TEAM, "Harbour Works", "harbour-works")
    for user in _users():
        workspace.add_user(user)
    for channel in _channels():
        workspace.add_channel(channel)
    for channel_id, lines in TALK.items():
        _talk(workspace, workspace.channels[channel_id], lines)
    _thread(workspace, workspace.channels[INCIDENTS])
    _files(workspace)
    _usergroup(workspace)
    workspace.custom_emoji.update(EMOJI)
    return workspace


def _users() -> List[User]:
    def person(user_id: str, name: str, real_name: str, **more: Any) -> User:
        return User(user_id, name, real_name, name + "@harbour-works.example", **more)

    return [
        person(
            OWNER,
            "mara",
            "Mara Lindqvist",
            is_admin=True,
            is_owner=True,
            profile={"title": "Harbour master"},
        ),
        person(
            TOMASZ,
            "tomasz",
            "Tomasz Nowak",
            profile={"title": "Operations", "status_text": "On call", "status_emoji": ":pager:"},
        ),
        person(PRIYA, "priya", "Priya Raman", presence="away", profile={"title": "Software"}),
        person(JONAS, "jonas", "Jonas Weber", deleted=True, presence="away"),
        person(LEA, "lea", "Lea Fontaine", is_restricted=True, profile={"title": "Auditor, guest"}),
        User(BOT, "harbourbot", "Harbour Bot", is_bot=True, bot_id=BOT_ID),
    ]


def _channels() -> List[Channel]:
    def channel(
        channel_id: str, name: str, members: Sequence[str], purpose: str, **more: Any
    ) -> Channel:
        purpose_json = {"value": purpose, "creator": OWNER, "last_set": START}
        return Channel(channel_id, name, OWNER, members=list(members), purpose=purpose_json, **more)

    return [
        channel(
            GENERAL,
            "general",
            [OWNER, TOMASZ, PRIYA, LEA, BOT],
            "What everybody should know.",
            is_general=True,
        ),
        channel(RANDOM, "random", [OWNER, TOMASZ, PRIYA], "Seals and soup."),
        channel(DEPLOYS, "deploys", [OWNER, TOMASZ, PRIYA, BOT], "What goes live, and when."),
        channel(
            INCIDENTS,
            "ops-incidents",
            [OWNER, TOMASZ, BOT],
            "One thread per incident.",
            kind="private_channel",
        ),
        channel(ARCHIVED, "old-website", [OWNER, BOT], "The site before 2025.", is_archived=True),
    ]


def _talk(workspace: Workspace, channel: Channel, lines: Sequence[str]) -> None:
    """Several rounds of the lines in turn, so that a history has more than one page."""
    speakers = [member for member in channel.members if member != BOT]
    rounds = 4 if channel.id in (GENERAL, DEPLOYS) else 1
    for number, text in enumerate(list(lines) * rounds):
        user = BOT if channel.id == DEPLOYS else speakers[number % len(speakers)]
        more = {"bot_id": BOT_ID} if user == BOT else {}
        workspace.post(channel, {"user": user, "text": text, **more})


def _thread(workspace: Workspace, channel: Channel) -> None:
    parent = channel.messages[0]["ts"]
    for text in THREAD:
        workspace.post(channel, {"user": TOMASZ, "text": text, "thread_ts": parent})


EMOJI = {"bollard": "https://emoji.example/bollard.png", "slipway-seal": "alias:bollard"}

FILES: Sequence[Tuple[str, str, str, int]] = (
    ("tide-tables.csv", "csv", "text/csv", 4096),
    ("quay-4.jpg", "jpg", "image/jpeg", 183221),
    ("incident-204.txt", "text", "text/plain", 912),
)


def _files(workspace: Workspace) -> None:
    for number, (name, filetype, mimetype, size) in enumerate(FILES, 1):
        file_id = "F0HARBOUR0{}".format(number)
        workspace.files[file_id] = {
            "id": file_id,
            "created": START + number,
            "timestamp": START + number,
            "name": name,
            "title": name,
            "mimetype": mimetype,
            "filetype": filetype,
            "size": size,
            "user": TOMASZ,
            "is_public": True,
            "is_external": False,
            "mode": "hosted",
            "channels": [GENERAL],
            "groups": [],
            "ims": [],
            "public_url_shared": False,
            "permalink": "https://harbour-works.slack.com/files/{}/{}/{}".format(
                TOMASZ, file_id, name
            ),
        }


def _usergroup(workspace: Workspace) -> None:
    workspace.usergroups["S0ONCALL001"] = {
        "id": "S0ONCALL001",
        "team_id": TEAM,
        "is_usergroup": True,
        "name": "On call",
        "handle": "on-call",
        "description": "Who has the pager this week.",
        "date_create": START,
        "date_update": START,
        "date_delete": 0,
        "created_by": OWNER,
        "updated_by": OWNER,
        "deleted_by": None,
        "users": [TOMASZ],
        "user_count": 1,
        "prefs": {"channels": [INCIDENTS], "groups": []},
    }
