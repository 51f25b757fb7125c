"""An end for one try that no timeout of `requests` gives.

Its read timeout begins anew with every byte, its connect timeout with every address of a name.
A transfer has no end of its own: it may go on as long as bytes do.
"""

from __future__ import annotations

import queue
import threading
from time import monotonic
from typing import Any, Callable, List, Optional

from st2slack.base.errors import SlackError

ASK_AFTER = (
    1.0  # seconds after which the caller's own end is asked for: most tries are over by then
)
MARGIN = 0.5  # seconds before the caller's own end, so that there is time to say what happened
IDLE = 5.0  # seconds after which a thread without work ends


class TimedOut(SlackError):
    """The work did not end in time. It may still be going on."""


class Job:
    """A piece of work in another thread. `done` is set when it ended."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.done = threading.Event()
        self.abandoned = False
        self.work = work
        self.results: List[Any] = []
        self.errors: List[BaseException] = []

    def outcome(self, text: str) -> Any:
        """What the work returned or raised; TimedOut, with that text, where it did not end."""
        if self.errors:
            raise self.errors[0]
        if not self.results:
            raise TimedOut(text)
        return self.results[0]


class Threads:
    """Threads that do one piece of work after the other, as many as there is work at once.

    A new thread for each page of a list would cost half of what its one connection gains.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: List[queue.Queue[Job]] = []

    def begin(self, work: Callable[[], Any]) -> Job:
        """Hand the work to a thread."""
        job = Job(work)
        with self._lock:
            jobs = self._idle.pop() if self._idle else None
        if jobs is None:
            jobs = queue.Queue()
            thread = threading.Thread(
                target=self._serve, args=(jobs,), name="slack-call", daemon=True
            )
            thread.start()
        jobs.put(job)
        return job

    def _serve(self, jobs: queue.Queue[Job]) -> None:
        while True:
            try:
                job = jobs.get(timeout=IDLE)
            except queue.Empty:
                if self._leave(jobs):
                    return
                continue
            try:
                job.results.append(job.work())
            except BaseException as error:  # for the thread that asks for the outcome
                job.errors.append(error)
            if job.abandoned:
                return
            with self._lock:
                self._idle.append(jobs)
            job.done.set()

    def _leave(self, jobs: queue.Queue[Job]) -> bool:
        """Whether the thread ends: it does not where it was given work just now."""
        with self._lock:
            if jobs not in self._idle:
                return False
            self._idle.remove(jobs)
            return True


def run_with_timeout(
    work: Callable[[], Any],
    seconds: float,
    time_left: Callable[[], Optional[float]] = lambda: None,
    threads: Optional[Threads] = None,
) -> Any:
    """What `work` returns or raises, if it does so within `seconds`; else TimedOut.

    `time_left` tells how many seconds the caller itself still has (None: no end known). It is asked
    only when the work takes long. Work that is given up goes on in its thread, which takes no other
    and ends with the process: an exception put into a thread from outside can be raised in a
    finalizer, where it is lost, or while a lock is held.
    """
    ends = monotonic() + seconds
    job = (threads or Threads()).begin(work)
    if not job.done.wait(min(ASK_AFTER, seconds)):
        own = time_left()
        if own is not None:
            ends = min(ends, monotonic() + own - MARGIN)
        job.done.wait(max(0.0, ends - monotonic()))
    return _outcome(job, "no answer in time")


def run_while_progressing(
    work: Callable[[], Any],
    moved: Callable[[], int],
    silence: float,
    time_left: Callable[[], Optional[float]] = lambda: None,
    threads: Optional[Threads] = None,
) -> Any:
    """What `work` returns or raises; TimedOut where nothing moves for `silence` seconds.

    `moved`: a count that grows as long as the work gets on. The rest as for `run_with_timeout`.
    """
    job = (threads or Threads()).begin(work)
    job.done.wait(min(ASK_AFTER, silence))
    own = None if job.done.is_set() else time_left()
    ends = None if own is None else monotonic() + own - MARGIN
    count, since = moved(), monotonic()
    while not job.done.is_set():
        if ends is not None and monotonic() >= ends:
            text = (
                "was not through when the time of the action itself was over; give the action "
                "more of it (its parameter `timeout`, in seconds)."
            )
            return _outcome(job, text)
        if moved() != count:
            count, since = moved(), monotonic()
        if monotonic() - since >= silence:
            text = "was given up: nothing moved for %g s." % silence
            return _outcome(job, text)
        job.done.wait(min(ASK_AFTER, silence))
    return job.outcome("ended without an answer.")


def _outcome(job: Job, text: str) -> Any:
    if not job.done.is_set():
        job.abandoned = True
    return job.outcome(text)


def remembered(
    time_left: Callable[[], Optional[float]], clock: Callable[[], float] = monotonic
) -> Callable[[], Optional[float]]:
    """The same as `time_left`, which is asked until it knows: to ask costs a request."""
    ends: List[float] = []

    def left() -> Optional[float]:
        if not ends:
            own = time_left()
            if own is None:
                return None
            ends.append(clock() + own)
        return ends[0] - clock()

    return left
