"""Snakemake's logger `tgas`: the console of a run, see `tgas_neuro.overview.console`.

profiles/default names it. ``TGAS_CONSOLE=snakemake``, ``--verbose`` and a dry run show what
Snakemake says by itself.
"""

import logging
import os
import sys

from snakemake_interface_logger_plugins.base import LogHandlerBase

from tgas_neuro.overview import console
from tgas_neuro.runtime.processes import CONSOLE, RUN_CONSOLE

__all__ = ["LogHandler"]


class LogHandler(LogHandlerBase):
    """Prints the lines of a run, or leaves all to Snakemake's own handler."""

    def __post_init__(self) -> None:
        """Choose what is shown."""
        settings = self.common_settings
        own = settings.dryrun or settings.verbose or settings.debug_dag or settings.printshellcmds
        self._snakemake: logging.Handler | None = None
        if own or os.environ.get(CONSOLE) == "snakemake":
            os.environ[CONSOLE] = "snakemake"  # scripts print all of their lines
            self._snakemake = _build_default(settings)
            return
        os.environ[CONSOLE] = RUN_CONSOLE
        self._console = console.Console()

    def emit(self, record: logging.LogRecord) -> None:
        """Print the lines of an event."""
        if self._snakemake is not None:
            if self._snakemake.filter(record):
                self._snakemake.emit(record)
            return
        try:
            self._console.run, self._console.name, self._console.rules = console.find_shown_run()
            for line in self._console.handle(record):
                print(line, file=sys.stderr, flush=True)
        except Exception:
            self.handleError(record)

    @property
    def writes_to_stream(self) -> bool:
        """It takes the place of Snakemake's handler."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """Snakemake's own log file is written beside it."""
        return False

    @property
    def has_filter(self) -> bool:
        """What is shown is decided by the console."""
        return True

    @property
    def has_formatter(self) -> bool:
        """So is how it is shown."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """No graph is drawn."""
        return False


def _build_default(settings) -> logging.Handler:  # type: ignore[no-untyped-def]  # Snakemake's
    """The handler that Snakemake makes without a logger plugin."""
    from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter

    stream = sys.stdout if settings.stdout else sys.stderr
    handler = ColorizingTextHandler(nocolor=settings.nocolor, stream=stream)
    handler.setFormatter(DefaultFormatter(settings.quiet, settings.show_failed_logs))
    handler.addFilter(
        DefaultFilter(
            settings.quiet,
            settings.debug_dag,
            settings.verbose,
            settings.dryrun,
            settings.printshellcmds,
        )
    )
    return handler
