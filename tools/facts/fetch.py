"""Reads Slack's pages: from a folder, or from the site into a folder that serves as the cache.

One connection, one request at a time with a pause between two, conditional requests. A page that
was checked in this run (or in one of the same day that was cut off) is not requested again.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional

import requests

from tools.facts.pages import Page, Unreadable, parse

INDEX = "/llms-sitemap.md"
METHOD_PAGE = "/reference/methods/%s.md"
STATE = "state.json"
_METHOD = re.compile(
    r"/reference/methods/([a-zA-Z]+(?:\.[a-zA-Z]\w*)+?)(?:\.md)?(?=[)\s#>\"]|$)", re.M
)
_TIMEOUT = 30
_MOST_TRIES = 5
_LONGEST_WAIT = 300


class FetchFailed(Exception):
    """The site did not answer as expected."""


@dataclass(frozen=True)
class Pace:
    """`pause`: seconds between two requests; `today`: date of the run."""

    today: str
    pause: float = 0.5
    sleep: Callable[[float], None] = time.sleep


def read_folder(folder: Path) -> Dict[str, Page]:
    """Method -> its page. Raises Unreadable with the names of all files that cannot be read."""
    found, faults = {}, []
    for path in sorted(folder.glob("*.md")):
        try:
            page = parse(path.read_text(encoding="utf-8"))
        except Unreadable as error:
            faults.append("%s: %s" % (path.name, error))
        else:
            found[page.method] = page
    if faults:
        raise Unreadable("\n".join(faults))
    return found


def methods_of_index(text: str) -> List[str]:
    """The methods that the site's index links to."""
    return sorted(set(_METHOD.findall(text)))


class Fetcher:
    """Keeps a folder like the site's pages."""

    def __init__(self, base_url: str, cache: Path, pace: Pace) -> None:
        self._base_url = base_url.rstrip("/")
        self._cache = cache
        self._pace = pace
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "stackstorm-slack facts"
        cache.mkdir(parents=True, exist_ok=True)
        path = cache / STATE
        self._state: Dict[str, Dict[str, str]] = (
            json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        )

    def fetch(self, track: Callable[[List[str]], Iterable[str]] = iter) -> None:
        """Bring the folder up to date. `track` shows the progress."""
        answer = self._get(self._base_url + INDEX, {})
        if answer is None:
            raise FetchFailed("the site has no %s" % INDEX)
        names = methods_of_index(answer.text)
        if not names:
            raise FetchFailed("%s links to no method" % INDEX)
        for name in track(names):
            if self._state.get(name, {}).get("checked") != self._pace.today:
                self._fetch_page(name)
        self._forget_others(set(names))

    def _fetch_page(self, name: str) -> None:
        path = self._cache / (name + ".md")
        known = self._state.get(name, {}) if path.exists() else {}
        answer = self._get(self._base_url + METHOD_PAGE % name, _conditions(known))
        if answer is None:
            path.unlink(missing_ok=True)
            known = {}
        elif answer.status_code == 200:
            path.write_bytes(answer.content)
            known = _validators(answer)
        self._state[name] = {**known, "checked": self._pace.today}
        self._save()

    def _forget_others(self, names: Any) -> None:
        for path in self._cache.glob("*.md"):
            if path.stem not in names:
                path.unlink()
                self._state.pop(path.stem, None)
        self._save()

    def _save(self) -> None:
        text = json.dumps(self._state, indent=1, sort_keys=True)
        (self._cache / STATE).write_text(text, encoding="utf-8")

    def _get(self, url: str, headers: Dict[str, str]) -> Optional[requests.Response]:
        """The answer; None where the site has no such page. Raises FetchFailed."""
        for _ in range(_MOST_TRIES):
            answer = self._session.get(url, headers=headers, timeout=_TIMEOUT)
            self._pace.sleep(self._pace.pause)
            if answer.status_code in (200, 304):
                return answer
            if answer.status_code in (404, 410):
                return None
            if answer.status_code not in (429, 503):
                break
            self._pace.sleep(_wait(answer))
        raise FetchFailed("%s answered %d" % (url, answer.status_code))


def _conditions(known: Dict[str, str]) -> Dict[str, str]:
    names = {"etag": "If-None-Match", "last_modified": "If-Modified-Since"}
    return {header: known[key] for key, header in names.items() if key in known}


def _validators(answer: requests.Response) -> Dict[str, str]:
    names = {"etag": "ETag", "last_modified": "Last-Modified"}
    return {key: answer.headers[name] for key, name in names.items() if name in answer.headers}


def _wait(answer: requests.Response) -> float:
    text = answer.headers.get("Retry-After", "")
    return min(float(text) if text.isdigit() else 30.0, _LONGEST_WAIT)
