"""The root of all our errors, and those of the call log. Each knows its verdict and reason."""

# ruff: noqa: N818  (an error is named by what is the matter: LogAway, Fenced, Hangup)


class HoldfastError(Exception):
    """Whatever goes wrong in Holdfast is one of these.

    `verdict` is the verdict of a call that this error ends (design, section 8); `reason` is short and
    kebab-case, fit for the call log and for a label. The message is for people and holds no personal data.
    """

    verdict: str = "failed"
    reason: str = "internal-error"


class LogAway(HoldfastError):
    """The Redis that holds the call log cannot be reached, or does not answer as Redis should."""

    reason: str = "log-away"


class ArchiveAway(HoldfastError):
    """The archive cannot be read or written now. The message says where it is and why."""

    reason: str = "archive-away"


class ArchiveHeld(ArchiveAway):
    """Another archiver has the archive: this one waits to take its place."""

    reason: str = "archive-held"


class ColumnsAway(ArchiveAway):
    """The copy of the archive by columns cannot be read. The archive itself has all of it."""

    reason: str = "columns-away"


class BrokenEntry(HoldfastError):
    """One entry of the call log cannot be read as an event. The message says why."""

    reason: str = "broken-entry"


class JournalError(HoldfastError):
    """The local journal cannot do what was asked; nothing acknowledged before is lost."""

    reason: str = "journal-error"


class JournalFull(JournalError):
    """The disk (or quota) that holds the journal is full: the line was not accepted."""

    reason: str = "journal-full"


class JournalHeld(JournalError):
    """Another live process writes this journal: a journal has one writer."""

    reason: str = "journal-held"
