"""Writes methods' pages in the form of docs.slack.dev, from facts. It shares no code with the
parser that the tests judge by it."""

import json
import re
from pathlib import Path

SKELETONS = Path(__file__).parent / "fixtures/pages"
TYPES = {"integer": "integer", "boolean": "boolean", "string": "string", "object": ""}
KINDS = {"app": "App-level", "configuration": "Configuration"}


def codes_of_every_page():
    """The error codes that all skeletons of real pages list."""
    texts = [path.read_text(encoding="utf-8") for path in SKELETONS.glob("*.md")]
    listed = [set(re.findall(r"^`(\w+)`", text.split("## Errors")[1], re.M)) for text in texts]
    return set.intersection(*listed)


ON_EVERY_PAGE = codes_of_every_page()


def write_folder(folder, methods):
    """A page for each living method that is documented."""
    folder.mkdir(exist_ok=True)
    for name, facts in methods.items():
        if not facts["retired"] and not facts["undocumented"]:
            (folder / (name + ".md")).write_text(page(name, facts), encoding="utf-8")


def page(name, facts):
    """One page."""
    arguments = sorted(facts["args"].items(), key=lambda each: not each[1]["required"])
    required = [argument(*each) for each in arguments if each[1]["required"]]
    optional = [argument(*each) for each in arguments if not each[1]["required"]]
    if facts.get("takes_token", True):
        required.insert(
            0, "**`token`**`string`Required\n\n…\n\n_Example:_ `xxxx-xxxxxxxxx-xxxx`\n\n"
        )
    return "".join(
        [
            "# %s method\n\nDocsCall generator\n\n## Facts {#facts}\n\n**Description**…\n\n" % name,
            "**Method Access**\n\n*   HTTP\n*   Python\n\n",
            "```\n%s https://slack.com/api/%s\n```\n\n" % (facts["http_method"], name),
            "```\napp.client.%s\n```\n\n**Scopes**\n\n" % name.replace(".", "_"),
            *(scopes(kind, names) for kind, names in facts.get("scopes", {}).items()),
            "**Content types**\n\n%s\n\n" % "\n\n".join(map(code, facts["content_types"])),
            *tier(facts.get("rate_tier")),
            "## Arguments {#arguments}\n\n### Required arguments\n\n",
            *required,
            "### Optional arguments\n\n",
            *optional,
            "## Usage info {#usage-info}\n\n",
            *notices(facts),
            '…\n\n* * *\n\n## Response {#response}\n\n#### …\n\n```\n{  "ok": true}\n```\n\n',
            "## Errors {#errors}\n\n…\n\nError\n\nDescription\n\n",
            *("`%s`\n\n…\n\n" % code for code in errors(facts)),
        ]
    )


def code(text):
    return "`%s`" % text


def tier(name):
    if name:
        text = "Special …" if name == "special" else "Tier %s: …" % name[-1]
        yield "**Rate Limits**[%s](/apis/web-api/rate-limits)\n\n" % text


def scopes(kind, names):
    links = "".join("[`%s`](/reference/scopes/%s)" % (each, each) for each in names)
    return "%s token:\n\n%s\n\n" % (KINDS.get(kind, kind.title()), links)


def notices(facts):
    if facts.get("legacy"):
        yield "This is a legacy method\n\n"
    if facts["deprecated"]:
        yield "This method is deprecated\n\n"
    for name in facts.get("replaced_by", ()):
        yield "… [`%s`](/reference/methods/%s) … instead.\n\n" % (name, name)


def argument(name, facts):
    kind = "array" if facts["type"] == "array" else TYPES[facts["type"]]
    lines = ["**`%s`**%s%s" % (name, kind and code(kind), flag(facts)), "…" + limits(facts)]
    if "default" in facts:
        lines.append("_Default:_ " + code(default(facts["default"])))
    values = facts.get("enum") or facts.get("items", {}).get("enum")
    if values:
        lines.append("_Acceptable values:_ " + " ".join(code(each) for each in values))
    return "\n\n".join(lines) + "\n\n"


def flag(facts):
    return "Required" if facts["required"] else "Optional"


def limits(facts):
    text = " … required if … org token …" if facts.get("required_if") == "org_token" else ""
    if "max" in facts:
        text += " Maximum of `%d`." % facts["max"]
    if "max_items" in facts:
        text += " Up to %s …" % format(facts["max_items"], ",")
    return text


def default(value):
    if isinstance(value, list):
        return ",".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def errors(facts):
    """A code of every page that is the method's own stands there twice."""
    return sorted([*ON_EVERY_PAGE, *facts.get("errors", ())])
