"""FastAGI: flows for channels that an admin's own dialplan sends us, `AGI(agi://host:4573/flow/NAME)`.

    Server ──► Conversation ──► AgiLine ──► flow
      reads who calls,    one command at a    a `Line`; what AGI cannot do
      admits or not       time, over pyst2    it hands over to the front door

The connection is what says whose the call is: as long as Asterisk holds it, nobody else can have the channel.
"""

from ivr.agi.server import Server

__all__ = ["Server"]
