"""What may be asked of an agent from outside, whoever asks: the command line or the API. Pure: no I/O."""


def objection(action: str, what: str, device: str | None, force: bool, by: str) -> str:
    """Why that makes no sense, whatever state he is in; empty: it may. As `Store.agent` takes it."""
    if action == "pause" and not what:
        return "a pause has a reason, such as lunch"
    if action == "pause" and (what == "cooldown" or what.startswith("auto:")):
        return "`cooldown` and `auto:` are pauses that nobody asks for: use another word"
    if action == "disposition" and not what:
        return "a disposition is said by its code or name"
    if action == "extend" and what and not (what.isascii() and what.isdecimal() and len(what) < 6):
        return "seconds are a number, such as 30"
    if action in ("ready", "offline") and what:
        return f"`{action}` has no reason"
    if action in ("extend", "disposition") and (device or force or by):
        return f"`{action}` is nobody's but the agent's, where he is"
    if force != bool(by):
        return "--force and --by WHO go together"
    return ""
