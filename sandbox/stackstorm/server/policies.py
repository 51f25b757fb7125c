"""Policies: how many executions of an action may run at a time. A pack's policies/*.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from sandbox.stackstorm.metadata import load_yaml
from sandbox.stackstorm.server import statuses
from sandbox.stackstorm.server.records import Record

BY_ATTRIBUTE = "action.concurrency.attr"
KINDS = ("action.concurrency", BY_ATTRIBUTE)


@dataclass(frozen=True)
class Policy:
    """`attributes`: parameters that must be the same for two executions to count as one."""

    resource: str
    threshold: int
    action: str = "delay"
    attributes: Tuple[str, ...] = ()

    def counts(self, record: Record, other: Record) -> bool:
        """Whether the other takes the place of this one."""
        return (
            other.ref == record.ref
            and other.status in statuses.COUNTED
            and all(other.parameters.get(k) == record.parameters.get(k) for k in self.attributes)
        )


class Policies:
    """All of them."""

    def __init__(self) -> None:
        self._policies: List[Policy] = []

    def register(self, pack: Path) -> None:
        """Those of a pack."""
        for path in sorted((pack / "policies").glob("*.yaml")):
            self.add(load_yaml(path))

    def add(self, document: Dict[str, Any]) -> None:
        """One policy, as its file has it; ValueError for a type that is not known here."""
        if document["policy_type"] not in KINDS:
            raise ValueError(f"policy_type {document['policy_type']}; here are {', '.join(KINDS)}")
        if document.get("enabled", True):
            parameters = document["parameters"]
            self._policies.append(
                Policy(
                    document["resource_ref"],
                    parameters["threshold"],
                    parameters.get("action", "delay"),
                    tuple(parameters.get("attributes") or ()),
                )
            )

    def decide(self, record: Record, others: Sequence[Record]) -> str:
        """requested (go), delayed or canceled."""
        for policy in self._policies:
            if policy.resource != record.ref:
                continue
            if sum(policy.counts(record, other) for other in others) >= policy.threshold:
                return statuses.DELAYED if policy.action == "delay" else statuses.CANCELED
        return statuses.REQUESTED
