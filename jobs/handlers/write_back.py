"""Does an action of a provider at the source, line by line, each under a key by which the source knows it again.

What was recorded as done is not sent again, and what was sent without a recorded answer is sent under the same key: so
a retry, a lost worker or a lost answer does nothing twice. Lines that the source refuses do not hold up the others; the
job fails at its end and names them. Logs hold ids and codes, never a name or a value.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from connectors.plan import LogLevel, Reporter, SyncError, SyncResult
from connectors.providers import registry as providers
from connectors.providers.actions import Action, Answer, Writer
from connectors.services.connect import source_of
from jobs.models import ActionLine, Job, LineStatus
from jobs.persist import persist
from jobs.services import action_lines

# So many refused lines are named in the job's own words; its page lists them all.
_MOST_NAMED = 10


def run(job: Job, reporter: Reporter) -> SyncResult:
    """Do the action that the job's type names. Raises `SyncError`, `lines_refused` for lines, or `Stopped`."""
    connection, entity = job.connection, job.entity
    action = providers.manifest(connection.provider).action(job.type)
    if action is None or entity is None:
        raise SyncError("misconfigured", f"{connection.provider} has no action “{job.type}” for this job.")

    def pause(seconds: float) -> None:
        reporter.check()
        time.sleep(seconds)

    writing = providers.writing(connection.provider)
    with writing.open_writer(source_of(connection), entity.ref, action.name, pause) as writer:
        reporter.step("check_access", "running")
        writer.check()
        reporter.step("check_access", "success")
        reporter.check()
        _submit(job, action, writer, reporter)
        _confirm(job, action, writer, reporter)
    _raise_refused(job, action)
    return SyncResult(())


def _submit(job: Job, action: Action, writer: Writer, reporter: Reporter) -> None:
    reporter.step("submit", "running")
    lines = list(job.action_lines.order_by("number"))
    for line in lines:
        if line.status != LineStatus.WAITING:
            continue
        reporter.check()
        answer = writer.send({**job.options["values"], action.line_field.name: line.ref}, str(line.key))
        persist(lambda: action_lines.record(job_id=job.pk, number=line.number, answer=answer))  # noqa: B023 - at once
        level: LogLevel = "warning" if answer.refused else "info"
        reporter.log(level, "submit", f"Line {line.number} of {len(lines)}, {line.ref}: {_said(action, answer)}")
    done, refused = (_with(job, status) for status in (LineStatus.DONE, LineStatus.REFUSED))
    told = f"{action.lines_in_words(len(done))} {action.done}"
    if refused:
        reporter.step("submit", "failed", f"{told}, {len(refused)} refused")
    else:
        reporter.step("submit", "success", told)


def _said(action: Action, answer: Answer) -> str:
    if answer.refused:
        return f"refused, {_reasons((one.field, one.code) for one in answer.refused)}"
    again = ", as an earlier attempt had done already" if answer.is_repeated else ""
    return f"{action.done}, {answer.ref}{again}"


def _confirm(job: Job, action: Action, writer: Writer, reporter: Reporter) -> None:
    """Look that what was made is there. What is not found yet may be a moment later: the next attempt looks again."""
    done = _with(job, LineStatus.DONE)
    if not done:
        return
    reporter.step("confirm", "running")
    lacking = writer.missing([line.made_ref for line in done])
    if lacking:
        raise SyncError(
            "provider_error", f"The source said that it made {_some(sorted(lacking))}, and does not show it."
        )
    reporter.step("confirm", "success", f"{action.lines_in_words(len(done))} {action.done}, confirmed by the source")


def _raise_refused(job: Job, action: Action) -> None:
    refused = _with(job, LineStatus.REFUSED)
    if not refused:
        return
    named = [f"{line.ref} ({_reasons((one['field'], one['code']) for one in line.refused)})" for line in refused]
    of = action.lines_in_words(job.action_lines.count())
    raise SyncError("lines_refused", f"{len(refused)} of {of} refused: {_some(named)}", step="submit")


def _with(job: Job, status: LineStatus) -> list[ActionLine]:
    return list(job.action_lines.filter(status=status).order_by("number"))


def _reasons(reasons: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{field} {code}".strip() for field, code in reasons)


def _some(named: Sequence[str]) -> str:
    rest = len(named) - _MOST_NAMED
    return ", ".join(named[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
