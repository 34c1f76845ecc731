"""The funnel page: the biggest leak, the nine stages, where they leave by provider, and what they met on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboard.formatting import calendar_date, duration, number
from dashboard.forms.funnel import FunnelCriteria, FunnelForm
from dashboard.pages.chips import Chip
from dashboard.pages.funnel_chart import WeekChart, week_chart
from dashboard.pages.funnel_filters import Period, chips_of, list_address, periods_of
from dashboard.pages.funnel_leak import LeakBanner, leak_banner
from dashboard.pages.funnel_words import Named, finding_detail, named, share_of
from jobs.text import counted
from sessions_log.findings import KINDS
from sessions_log.funnel import BASE, Funnel, Leak, Passage, Passages, Times, read_funnel
from sessions_log.stages import OPTIONAL, STAGES, Stage

# The shares that the table's shades end with.
SHADES = (0.05, 0.10, 0.20)
# The stages in the table by provider: nobody leaves at the first two inside of the flow, or at the last.
IN_TABLE = STAGES[2:-1]


@dataclass(frozen=True, slots=True)
class StageCell:
    """One stage of the row: how many reached it, who left and who is there now, shares and times in words."""

    label: str
    count: str
    count_href: str
    left: str
    left_href: str
    here: str
    asked: str
    of_previous: str
    of_all: str
    median: str
    p90: str
    is_worst: bool


@dataclass(frozen=True, slots=True)
class TableCell:
    """Left of decided at one stage with one provider. Without anybody there `base` is empty."""

    label: str
    left: str
    base: str
    shade: str
    href: str
    title: str

    @property
    def ink(self) -> str:
        """The class of the small number beside the large one, which must be read on its shade."""
        return "muted" if self.shade in {"0", "1", "2"} else "ink-2"


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """One provider, or all of them together."""

    who: Named
    opened: str
    opened_href: str
    cells: tuple[TableCell, ...]
    connected: str
    connected_href: str
    median: str


@dataclass(frozen=True, slots=True)
class FindingLine:
    """What stood out, in how many sessions, and how many of these connected all the same."""

    label: str
    count: str
    detail: str
    connected: str
    href: str


@dataclass(frozen=True, slots=True)
class FunnelPage:
    """The whole page. `under_way` says what is not decided yet, empty without any."""

    notes: tuple[str, ...]
    about: str
    periods: tuple[Period, ...]
    chips: tuple[Chip, ...]
    extent: str
    csv_address: str
    is_empty: bool
    is_filtered: bool
    under_way: str
    leak: LeakBanner | None
    stages: tuple[StageCell, ...]
    table_stages: tuple[str, ...]
    rows: tuple[ProviderRow, ...]
    total: ProviderRow
    chart: WeekChart | None
    findings: tuple[FindingLine, ...]


def funnel_page(asked: Mapping[str, str], now: datetime) -> FunnelPage:
    """Return the page that is `asked` for in the address. Seven queries, five for one connection and one to find it."""
    form = FunnelForm(asked)
    criteria, notes = form.criteria(), form.notes()
    funnel = read_funnel(criteria.scope(now), now)
    return FunnelPage(
        notes=tuple(notes),
        about=_about(criteria),
        periods=periods_of(criteria),
        chips=tuple(chips_of(criteria)),
        extent=f"{calendar_date(criteria.scope(now).since)} to {calendar_date(now)}, by days in UTC. "
        "A session counts once per stage.",
        csv_address=criteria.address("sessions:funnel-csv"),
        is_empty=not funnel.everybody.sessions,
        is_filtered=bool(criteria.parameters().keys() - {"period"}),
        under_way=_under_way(funnel.everybody),
        leak=leak_banner(funnel.leak, criteria),
        stages=tuple(_stages(funnel, criteria)),
        table_stages=tuple(str(stage.label) for stage in IN_TABLE),
        rows=tuple(
            _row(name, passages, funnel.took[name], criteria, funnel.leak)
            for name, passages in funnel.providers.items()
            if passages[Stage.OPENED].reached
        ),
        total=_row(None, funnel.everybody, funnel.all_took, criteria, None),
        chart=week_chart(funnel, criteria),
        findings=tuple(_findings(funnel, criteria)),
    )


def _about(criteria: FunnelCriteria) -> str:
    whose = f"Sessions of {criteria.connection.name}" if criteria.connection else "All sessions of all connections"
    return f"{whose}, from link to connection"


def _under_way(everybody: Passages) -> str:
    parts = []
    if everybody.waiting:
        parts.append(f"{counted(everybody.waiting, 'link')} not opened yet")
    if everybody.inside:
        parts.append(
            "1 person inside now" if everybody.inside == 1 else f"{number(everybody.inside)} people inside now"
        )
    if not parts:
        return ""
    return f"Still under way, and in no share below: {' and '.join(parts)}."


def _stages(funnel: Funnel, criteria: FunnelCriteria) -> Iterator[StageCell]:
    everybody = funnel.everybody
    for stage in STAGES:
        passage, times = everybody[stage], funnel.times[stage]
        is_first, is_last = stage == STAGES[0], stage == STAGES[-1]
        yield StageCell(
            label=str(stage.label),
            count=number(passage.reached),
            count_href=list_address(criteria, stage="" if is_first else stage) if passage.reached else "",
            left=f"of {number(everybody.sessions)} links" if is_last else _left_words(passage, is_first=is_first),
            left_href=list_address(criteria, left=stage) if passage.left else "",
            here=f"{number(passage.here)} {'waiting' if is_first else 'here now'}" if passage.here else "",
            asked=number(passage.asked) if passage.asked is not None and passage.asked < passage.reached else "",
            of_previous="" if is_first else share_of(*everybody.of_previous(stage)),
            of_all="" if is_first else share_of(*everybody.of_all(stage)),
            median=duration(times.median) if times.count else "",
            p90=duration(times.p90) if times.count else "",
            is_worst=funnel.leak is not None and funnel.leak.stage == stage,
        )


def _left_words(passage: Passage, *, is_first: bool) -> str:
    return f"{number(passage.left)} {'never opened' if is_first else 'left'}"


def _row(name: str | None, passages: Passages, took: Times, criteria: FunnelCriteria, leak: Leak | None) -> ProviderRow:
    who = named(name)
    opened = passages[Stage.OPENED].reached
    return ProviderRow(
        who=who,
        opened=number(opened),
        opened_href=list_address(criteria, provider=name, stage=Stage.OPENED) if opened else "",
        cells=tuple(_cell(who, name, passages[stage], criteria, leak) for stage in IN_TABLE),
        connected=share_of(passages.connected, passages.opened),
        connected_href=list_address(criteria, provider=name, stage=Stage.CONNECTED) if passages.connected else "",
        median=duration(took.median),
    )


def _cell(who: Named, name: str | None, passage: Passage, criteria: FunnelCriteria, leak: Leak | None) -> TableCell:
    label = str(passage.stage.label)
    base = passage.decided
    if base <= 0 or (passage.stage in OPTIONAL and not passage.asked):
        return TableCell(label, "", "", "0", "", "")
    share = f", {share_of(passage.left, base)}" if base >= BASE else ""
    is_worst = leak is not None and (leak.provider, leak.stage) == (name, passage.stage)
    return TableCell(
        label=label,
        left=number(passage.left),
        base=number(base),
        shade="hot" if is_worst else _shade(passage.left, base),
        href=list_address(criteria, provider=name, left=passage.stage) if passage.left else "",
        title=f"{who.name}, {label}: {number(passage.left)} of {number(base)} left here{share}",
    )


def _shade(left: int, base: int) -> str:
    """Return the shade of a share: 0 for nobody, 1 to 4."""
    if not left:
        return "0"
    return str(1 + sum(left / base >= edge for edge in SHADES))


def _findings(funnel: Funnel, criteria: FunnelCriteria) -> Iterator[FindingLine]:
    for found in funnel.findings:
        # A kind of finding that is no more.
        if found.code not in KINDS:
            continue
        anyway = f"{number(found.connected)} of {number(found.sessions)} connected anyway"
        yield FindingLine(
            label=KINDS[found.code].label,
            count=number(found.sessions),
            detail=finding_detail(found, is_one_provider=bool(criteria.provider)),
            connected=anyway,
            href=list_address(criteria, finding=found.code),
        )
