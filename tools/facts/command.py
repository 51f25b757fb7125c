"""Makes the facts of etc/slack anew from Slack's pages and packages, and says what changed.

web_api.json comes from the pages, slack_sdk and @slack/web-api, the keys in events.json from
@slack/types.

The order of trust is written in tools/facts/merge.py, differences on purpose in
etc/slack/rulings.yaml.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Tuple

from tools.facts import changes, decisions, events, fetch, merge, pages, rulings, sdk, typings

ROOT = Path(__file__).resolve().parents[2]
FACTS = Path("etc/slack/web_api.json")
EVENTS = Path("etc/slack/events.json")
RULINGS = Path("etc/slack/rulings.yaml")
NODE = Path(".node-tests/node_modules/@slack/web-api")
TYPES = Path(".node-tests/node_modules/@slack/types")
# Functions of a client, not methods of the Web API.
CLIENTS_OWN = frozenset({"files.uploadV2"})


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(
        prog="refresh_facts", description=(__doc__ or "").partition("\n")[0]
    )
    found.add_argument(
        "--pages", help="folder of pages, or the site's address; none: packages only"
    )
    found.add_argument("--cache", type=Path, help="folder for the site's pages")
    found.add_argument("--partial", action="store_true", help="a missing page does not retire")
    found.add_argument("--node", type=Path, help="@slack/web-api: a folder or a tarball of npm")
    found.add_argument("--types", type=Path, help="@slack/types: a folder or a tarball of npm")
    found.add_argument("--dry-run", action="store_true", help="write no facts")
    found.add_argument("--report", type=Path, help="write the report to this file as well")
    found.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    return found


def main(argv: Optional[List[str]] = None) -> int:
    """Exit code: 0 done, 1 something is undecided (the facts are written), 2 cannot be done."""
    options = parser().parse_args(argv)
    try:
        return refresh(options)
    except (merge.Incomplete, fetch.FetchFailed, pages.Unreadable, rulings.BadRuling) as error:
        print("refresh_facts: %s" % error, file=sys.stderr)
        return 2


def refresh(options: argparse.Namespace) -> int:
    """One refresh. The exit code, see main."""
    document = json.loads((options.root / FACTS).read_text(encoding="utf-8"))
    before = document["methods"]
    outcome = merge.merge(before, sources(options), rulings.load(options.root / RULINGS))
    event_lines, all_events = refresh_events(options, outcome)
    found = changes.diff(before, outcome.methods)
    text = "\n".join(report(found, event_lines, outcome)) + "\n"
    print(text, end="")
    if options.report:
        options.report.write_text(text, encoding="utf-8")
    if not options.dry_run:
        write(options.root / FACTS, {**document, "methods": outcome.methods})
        write(options.root / EVENTS, all_events)
    return 1 if outcome.undecided else 0


def refresh_events(
    options: argparse.Namespace, outcome: merge.Outcome
) -> Tuple[List[str], Dict[str, Any]]:
    """(what changed, the document of events). Adds to what is undecided."""
    document = json.loads((options.root / EVENTS).read_text(encoding="utf-8"))
    path = options.types or options.root / TYPES
    types = typings.Package(typings.read_package(path)).events() if path.exists() else {}
    merged, unknown = events.merge_events(document["events"], types)
    for name in unknown:
        text = "the event %s is new: which scopes has it, does RTM have it?" % name
        outcome.undecided.append(decisions.Undecided(text, "an entry in %s" % EVENTS))
    lines = events.changes_of_events(document["events"], merged)
    return lines, {**document, "events": merged}


def write(path: Path, document: Dict[str, Any]) -> None:
    """The same facts give the same bytes."""
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")


def sources(options: argparse.Namespace) -> merge.Sources:
    """What the pages and packages say."""
    from slack_sdk.web.client import WebClient

    types = node_types(options.node or options.root / NODE)
    return merge.Sources(
        pages=pages_of(options) if options.pages else {},
        sdk=sdk.methods(WebClient),
        node=None if types is None else {name: each.arguments for name, each in types.items()},
        is_complete=bool(options.pages) and not options.partial,
        answers={name: each.response for name, each in (types or {}).items()},
    )


def packages(root: Path) -> Dict[str, merge.Arguments]:
    """Name and version of each installed package -> its methods."""
    import slack_sdk.version
    from slack_sdk.web.client import WebClient

    found: Dict[str, merge.Arguments] = {
        "slack_sdk %s" % slack_sdk.version.__version__: sdk.methods(WebClient)
    }
    types = node_types(root / NODE)
    if types is not None:
        version = json.loads((root / NODE / "package.json").read_text(encoding="utf-8"))["version"]
        arguments = {name: each.arguments for name, each in types.items()}
        found["@slack/web-api %s" % version] = arguments
    return found


def pages_of(options: argparse.Namespace) -> Dict[str, pages.Page]:
    """Method -> its page, from a folder or the site."""
    if not options.pages.startswith(("http://", "https://")):
        return fetch.read_folder(Path(options.pages))
    cache = options.cache or options.root / ".facts-cache"
    pace = fetch.Pace(today=datetime.date.today().isoformat())
    fetch.Fetcher(options.pages, cache, pace).fetch(track)
    return fetch.read_folder(cache)


def track(names: List[str]) -> Iterable[str]:
    """The names, with a progress bar."""
    import rich.progress
    from rich.console import Console

    return rich.progress.track(names, "pages", console=Console(stderr=True))


def node_types(path: Path) -> Optional[Dict[str, typings.MethodTypes]]:
    """Method -> its types for Node. None: the package is not there."""
    if not path.exists():
        return None
    methods = typings.Package(typings.read_package(path)).methods()
    return {name: each for name, each in methods.items() if name not in CLIENTS_OWN}


def report(
    found: List[changes.Change], event_lines: List[str], outcome: merge.Outcome
) -> List[str]:
    """Markdown for the pull request."""
    return [
        *("## Changes by method", "", *(changes.by_method(found) or ["none"]), ""),
        *("## Changes by event", "", *(event_lines or ["none"]), ""),
        *("## Lines for CHANGES.md", "", *(changes.lines_for_changes(found) or ["none"]), ""),
        *("## Undecided", "", *(undecided(outcome) or ["none"]), ""),
        *("## Rulings that nothing needs", "", *(outcome.unneeded or ["none"]), ""),
        *("## Disagreements that the order of trust decided", ""),
        *(outcome.disagreements or ["none"]),
    ]


def undecided(outcome: merge.Outcome) -> List[str]:
    """Each with what to write: mostly a ruling for etc/slack/rulings.yaml."""
    lines = []
    for each in outcome.undecided:
        lines += ["- %s" % each.text, "", "```", each.suggestion, "```"]
    return lines
