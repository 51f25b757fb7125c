"""PURE: how the methods of the Web API are paged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple


@dataclass(frozen=True)
class PageFacts:
    """How a method is paged; None where it has no such thing.

    `items`: dotted key of the items in the answer, e.g. "channels" or "messages.matches";
    `container`: how they stand there, see `containers.py`. `size`: argument for the size of a page;
    `max`: the largest size. `cursor`: argument; `next`: dotted keys where the next cursor can be;
    `first`: the cursor of the first page. `page`: argument, where pages have numbers; `paging`:
    dotted key of the object with `page` and `pages`. `more`: key that is true where there are more
    pages.
    """

    items: str
    container: str = "list"
    size: Optional[str] = None
    max: Optional[int] = None
    cursor: Optional[str] = None
    next: Tuple[str, ...] = ()
    first: Optional[str] = None
    page: Optional[str] = None
    paging: Optional[str] = None
    more: Optional[str] = None
