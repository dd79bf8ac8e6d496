"""Progress display of a run: a live table on a terminal, plain lines elsewhere."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from glassbox.pipeline.runner import Event, Outcome

_SIGNS = {"ran": ("✓", "green"), "cached": ("=", "dim"), "failed": ("✗", "red"), "skipped": ("·", "dim")}


class Terminal:
    """Progress listener of a run: a live table with one row per stage on a terminal, one plain line per event elsewhere."""

    def __init__(self, stages: list[str], console: Console | None = None, last_seconds: dict[str, float] | None = None) -> None:
        self.console = console or Console(stderr=False, highlight=False)
        self._lines: dict[str, tuple[str, str, str]] = dict.fromkeys(stages, (" ", "dim", ""))
        self._started_at: dict[str, float] = {}
        self._progress: dict[str, tuple[int, int, str]] = {}
        self._last = last_seconds or {}
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live = Live(get_renderable=self._table, console=self.console, refresh_per_second=4, transient=False)
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        """Handle an event; print it at once without a live table."""
        if event.kind == "started":
            self._started_at[event.stage] = time.monotonic()
            why = event.why[0] + (f" (and {len(event.why) - 1} more)" if len(event.why) > 1 else "")
            self._lines[event.stage] = ("…", "cyan", why)
            self._plain(f"{event.stage}: started, {why}")
        elif event.kind == "progress":
            self._progress[event.stage] = (event.done, event.total, event.what)
        elif event.outcome is not None:
            self._started_at.pop(event.stage, None)
            sign, color = _SIGNS[event.outcome.status]
            text = _outcome_text(event.outcome)
            self._lines[event.stage] = (sign, color, text)
            self._plain(f"{event.stage}: {text}")

    def _plain(self, line: str) -> None:
        if self._live is None:
            self.console.print(Text(line), soft_wrap=True)
            sys.stdout.flush()

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for stage, (sign, color, text) in list(self._lines.items()):
            table.add_row(
                Text(sign, style=color),
                Text(stage, style="bold" if stage in self._started_at else ""),
                Text(self._text(stage, text), style=color),
            )
        return table

    def _text(self, stage: str, text: str) -> str:
        if stage not in self._started_at:
            return text
        seconds = time.monotonic() - self._started_at[stage]
        done, total, what = self._progress.get(stage, (0, 0, ""))
        parts = [f"{seconds:.0f} s"]
        if total:
            parts.append(f"{done} of {total} {what}".strip())
            if 0 < done < total:
                parts.append(f"about {seconds / done * (total - done):.0f} s left")
        elif stage in self._last:
            parts.append(f"took {self._last[stage]:.0f} s in the last run")
        else:
            parts.append(text)
        return " · ".join(parts)


def _outcome_text(outcome: Outcome) -> str:
    if outcome.status == "ran":
        return f"done in {outcome.seconds:.1f} s"
    if outcome.status == "cached":
        return "unchanged, loaded from the store"
    return "failed" if outcome.status == "failed" else "skipped"
