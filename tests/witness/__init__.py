"""Three witnesses of every call, compared: SIPp, the call log and Asterisk (docs/witnesses.md)."""
