"""The link that makes the Slack app in one step, from etc/slack_app_manifest.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from tools.generator.sources import LOADER

MANIFEST = Path("etc/slack_app_manifest.yaml")
NEW_APP = "https://api.slack.com/apps?new_app=1&manifest_yaml="


def load(root: Path) -> Any:
    """The manifest as Slack reads it."""
    return yaml.load((root / MANIFEST).read_text(encoding="utf-8"), Loader=LOADER)


def url_of(manifest: Any) -> str:
    """The address of Slack's page with the manifest in it, without its comments."""
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=1000)
    return NEW_APP + quote(text, safe="")


def link(root: Path) -> str:
    """The link as README has it."""
    return "**[Create the app](%s)**\n" % url_of(load(root))
