"""PURE: what an outage did to the triggers that were on their way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Dict, List

IN_DOUBT = 1.0  # seconds before the bus broke in which a trigger may come twice


@dataclass
class Run:
    """One outage; times are Unix seconds."""

    service: str
    seconds: float
    before: float = 10.0
    after: float = 15.0
    rate: float = 20.0
    posted: Dict[str, float] = field(default_factory=dict)  # text → when
    broke: float = 0.0
    back: float = 0.0


def text_of(line: Dict[str, Any]) -> str:
    """What identifies one of our messages or commands; "" for others."""
    text = str((line["payload"] or {}).get("text", ""))
    return text if text.startswith("outage ") else ""


def judge(run: Run, found: List[Dict[str, Any]]) -> Dict[str, Any]:
    """The figures; `bad`: what must not be."""
    first: Dict[str, float] = {}
    times: Counter[str] = Counter()
    handed_again = 0
    for each in found:
        text = text_of(each)
        if each["again"] and text in first:
            handed_again += 1
        elif text:
            times[text] += 1
            first.setdefault(text, each["at"])
    lost = [text for text in run.posted if text not in first]
    twice = [text for text in run.posted if times[text] > 1]
    is_bus = run.service == "rabbitmq"
    early = [t for t in twice if not (is_bus and run.broke - IN_DOUBT <= first[t] < run.back)]
    late = sorted(first[text] - at for text, at in run.posted.items() if text in first)
    worst = "%.2f, %.1f" % (late[len(late) // 2], late[-1]) if late else "-"
    waited = [at for text, at in first.items() if at - run.posted.get(text, at) > 1.0]
    caught_up = max(waited, default=run.back) - run.back
    states = [each["payload"] for each in found if each["ref"] == "slack.sensor_state"]
    return {
        "posted": len(run.posted),
        "at the bus": len(first),
        "lost": lost,
        "twice": twice,
        "twice, and not in the last second before the bus broke": early,
        "handed over again by the bus to the consumer": handed_again,
        "seconds late: median, worst": worst,
        "seconds from the service's return until the queue was empty": round(caught_up, 1),
        "sensor_state": ["%s (%s)" % (each["state"], each["reason"][:100]) for each in states],
        "bad": bool(lost or early),
    }
