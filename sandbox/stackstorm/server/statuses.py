"""PURE: the states of an execution (st2common/constants/action.py)."""

from __future__ import annotations

REQUESTED, SCHEDULED, DELAYED, RUNNING = "requested", "scheduled", "delayed", "running"
SUCCEEDED, FAILED, TIMED_OUT, ABANDONED = "succeeded", "failed", "timeout", "abandoned"
CANCELING, CANCELED, PENDING = "canceling", "canceled", "pending"
PAUSING, PAUSED, RESUMING = "pausing", "paused", "resuming"

COMPLETED = (SUCCEEDED, FAILED, TIMED_OUT, CANCELED, ABANDONED)
UNSUCCESSFUL = (FAILED, TIMED_OUT, ABANDONED)
CANCELABLE = (REQUESTED, SCHEDULED, DELAYED, RUNNING, PAUSING, PAUSED, RESUMING)
ACTIVE = (REQUESTED, SCHEDULED, DELAYED, RUNNING, PAUSING, RESUMING, CANCELING)
# What counts against the threshold of a concurrency policy.
COUNTED = (SCHEDULED, RUNNING)
