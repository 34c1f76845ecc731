"""Knobs: what goes wrong on purpose, per company, and when.

A knob document is a JSON object from company id, or `"*"` for every call below `/v1`, to an object of knobs:

- `page_delay_ms`: wait that long before each answer.
- `fail_status`: answer with this HTTP status (400 to 599); `fail_code` names the error code in its body.
- `fail_on_page`: let `fail_status` (500 where it is not given) and `truncate` happen on page n only, counted from 1.
- `rate_limit`: so many requests per second (may be below 1); beyond that, 429 with `Retry-After`.
- `no_retry_after`: leave that header out, so that a client is not told how long to wait.
- `drip_bytes_per_second`: send the body that slowly (0.2 is one byte in 5 seconds).
- `truncate`: close the connection in the middle of the body.
- `writes_only`: let all of this happen to calls that add something only; `fail_on_page` counts those of the company
  since the knobs were turned.

A company's own knob wins over that of `"*"`; `null` switches one off for that company.
"""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from typing import TypeAlias, cast

KnobValue: TypeAlias = int | float | str | bool | None
KnobDocument: TypeAlias = dict[str, dict[str, KnobValue]]

EVERYBODY = "*"

# What the demo shows: one company whose access was withdrawn, and one that answers slowly.
DEMO_KNOBS: KnobDocument = {
    "co_halden_iberia": {"fail_status": 403, "fail_code": "company_access_revoked"},
    "co_halden_cold_chain": {"page_delay_ms": 150},
}

# The lowest and the highest value of each number, and whether it may have a fraction.
_NUMBERS: dict[str, tuple[float, float, bool]] = {
    "page_delay_ms": (0, 600_000, False),
    "fail_status": (400, 599, False),
    "fail_on_page": (1, 1_000_000, False),
    "rate_limit": (0.01, 10_000, True),
    "drip_bytes_per_second": (0.01, 100_000_000, True),
}
_FLAGS = frozenset({"truncate", "no_retry_after", "writes_only"})


class KnobError(ValueError):
    """A knob document that cannot be used; the text says where."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """The knobs that hold for one call; the module says what each does."""

    page_delay_ms: int | None = None
    fail_status: int | None = None
    fail_code: str | None = None
    fail_on_page: int | None = None
    rate_limit: float | None = None
    no_retry_after: bool | None = None
    drip_bytes_per_second: float | None = None
    truncate: bool | None = None
    writes_only: bool | None = None

    def fails_on(self, page: int) -> int | None:
        """Return the status to fail with on this page, or None where it succeeds."""
        if self.fail_on_page is None:
            return self.fail_status
        # With truncate the page itself is the failure: a status would hide it.
        return (self.fail_status or (None if self.truncate else 500)) if page == self.fail_on_page else None

    def truncates(self, page: int) -> bool:
        """Tell whether the body of this page ends half-way."""
        return bool(self.truncate) and self.fail_on_page in {None, page}


_NAMES = frozenset(field.name for field in fields(Knobs))


def parse_knobs(document: object, company_ids: Collection[str]) -> KnobDocument:
    """Return `document` as knobs by company id; raise KnobError for an unknown company, knob or value."""
    if not isinstance(document, dict):
        message = "knobs must be an object from company id to an object of knobs"
        raise KnobError(message)
    for company_id, knobs in document.items():
        if company_id != EVERYBODY and company_id not in company_ids:
            message = f"no company {company_id!r}"
            raise KnobError(message)
        if not isinstance(knobs, dict):
            message = f"the knobs of {company_id!r} must be an object"
            raise KnobError(message)
        for name, value in knobs.items():
            _check(company_id, name, value)
    return cast("KnobDocument", document)  # every key and value was looked at above


def _check(company_id: str, name: str, value: object) -> None:
    if name not in _NAMES:
        message = f"{company_id!r} has no knob {name!r}; there are {', '.join(sorted(_NAMES))}"
        raise KnobError(message)
    if value is None:
        return
    if name in _NUMBERS:
        lowest, highest, has_fraction = _NUMBERS[name]
        _check_number(f"{name} of {company_id!r}", value, lowest, highest, has_fraction=has_fraction)
    elif name in _FLAGS and not isinstance(value, bool):
        message = f"{name} of {company_id!r} must be true or false"
        raise KnobError(message)
    elif name == "fail_code" and not (isinstance(value, str) and value.isidentifier()):
        message = f"fail_code of {company_id!r} must be a word such as company_access_revoked"
        raise KnobError(message)


def _check_number(what: str, value: object, lowest: float, highest: float, *, has_fraction: bool) -> None:
    kinds = (int, float) if has_fraction else (int,)
    # True is an int to Python, but nobody means 1 by it.
    if isinstance(value, bool) or not isinstance(value, kinds) or not lowest <= value <= highest:
        message = f"{what} must be a {'number' if has_fraction else 'whole number'} from {lowest} to {highest}"
        raise KnobError(message)


class KnobBoard:
    """The knobs that hold now; safe to read and change from several threads."""

    def __init__(self, document: KnobDocument, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with a checked document; `clock` gives seconds."""
        self._document = document
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}
        self._writes: Counter[str] = Counter()
        self._lock = threading.Lock()

    def document(self) -> KnobDocument:
        """Return the document that holds now."""
        return self._document

    def replace(self, document: KnobDocument) -> None:
        """Let a checked document hold from the next call on; rate limits start afresh."""
        with self._lock:
            self._document = document
            self._buckets = {}
            self._writes.clear()

    def for_company(self, company_id: str) -> Knobs:
        """Return the knobs of a company, or of the list of companies for `"*"`."""
        document = self._document
        merged = {**document.get(EVERYBODY, {}), **document.get(company_id, {})}
        return Knobs(**merged)  # type: ignore[arg-type]  # parse_knobs checked each value's type

    def count_write(self, company_id: str) -> int:
        """Count a call that adds something to a company; return which one it is, from 1."""
        with self._lock:
            self._writes[company_id] += 1
            return self._writes[company_id]

    def seconds_to_wait(self, company_id: str) -> int | None:
        """Count a request; return None if it may pass, else after how many whole seconds to try again."""
        with self._lock:
            # A limit that came with "*" is one limit for all, as an API key has it.
            owner = company_id if "rate_limit" in self._document.get(company_id, {}) else EVERYBODY
            rate = self._document.get(owner, {}).get("rate_limit")
            if rate is None:
                return None
            bucket = self._buckets.setdefault(owner, _Bucket(float(rate), self._clock()))
            return bucket.take(self._clock())


class _Bucket:
    """A token bucket: it holds one second's requests, at least one, and refills evenly."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._size = max(1.0, rate)
        self._tokens = self._size
        self._filled_at = now

    def take(self, now: float) -> int | None:
        self._tokens = min(self._size, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < 1:
            return max(1, math.ceil((1 - self._tokens) / self._rate))
        self._tokens -= 1
        return None
