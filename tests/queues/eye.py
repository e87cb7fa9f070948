"""Looks at a site in Redis from outside: one snapshot in one script, and the log as it grows."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec

from calllog.call_events import CallEvent
from calllog.events import AgentStateChanged, decode
from calllog.grammar import violations
from queues.link import Link
from tests.queues.redis_process import RedisProcess
from tests.queues.reference import BUSY, IN_LINE, Reference

PLACE = ("queue", "score", "avoid", "lane", "stage_at")
CALL = ("state", "agent", "attempt", "rung", "owner", "answered_at", *PLACE)
ASKED = ("c_state", "c_agent", "c_attempt")
AGENT = ("state", "reason", "call", "due_at", "wish", "ready_since_at", "leg", "leg_lost")

LOOK = """
local site, calls = KEYS[1], cjson.decode(ARGV[1])
local function hashes(kind, ids, fields)
  local found = {}
  for _, id in ipairs(ids) do
    local values, record = redis.call('HMGET', site .. kind .. id, unpack(fields)), {}
    for i, field in ipairs(fields) do record[field] = values[i] or '' end
    found[id] = record
  end
  return found
end
local lists = {}
for _, queue in ipairs(redis.call('SMEMBERS', site .. 'queues')) do
  local function list(name) lists[name] = redis.call('ZRANGE', site .. name, 0, -1) end
  list('line:' .. queue)
  for lane in string.gmatch('|' .. redis.call('HGET', site .. 'queue:' .. queue, 'lanes'), '|([^|]*)') do
    list('wait:' .. queue .. lane)
    local need = string.match(lane, '%?.*$') or ''
    for _, tier in ipairs({'', '/2', '/3'}) do
      list('idle:' .. queue .. tier .. need)
      list('idle:' .. queue .. tier)
    end
  end
end
local staff, counts = {}, redis.call('HGETALL', site .. 'staff')
for i = 1, #counts, 2 do
  local queue, group = string.match(counts[i], '^(.-):(.*)$')
  staff[queue] = staff[queue] or {}
  if counts[i + 1] ~= '0' then staff[queue][group] = tonumber(counts[i + 1]) end
end
local agents = redis.call('SMEMBERS', site .. 'agents')
for _, agent in ipairs(agents) do
  lists['own:' .. agent] = redis.call('ZRANGE', site .. 'wait:@' .. agent, 0, -1)
end
local heads = redis.call('ZRANGE', site .. 'heads', 0, -1, 'WITHSCORES')
local first = {}
for i = 1, #heads, 2 do
  local head = redis.call('ZRANGE', site .. 'wait:' .. heads[i], 0, 0, 'WITHSCORES')
  first[heads[i]] = head[2] == heads[i + 1]
end
for name, ids in pairs(lists) do
  local lane = string.gsub(name, '^own:', 'wait:@')
  lane = string.match(lane, '^wait:(.*)$')
  if lane and #ids > 0 and first[lane] == nil then first[lane] = false end
end
return { cjson.encode({ calls = hashes('call:', calls, cjson.decode(ARGV[2])),
    agents = hashes('agent:', agents, cjson.decode(ARGV[3])), lists = lists, staff = staff, heads = first,
    due = redis.call('ZRANGE', site .. 'due', 0, -1) }),
  redis.call('XRANGE', site .. 'log', ARGV[4], '+') }
"""
OF_AGENTS = ("agent_state", "disposition")
TRIM_EVERY = 500


@dataclass
class Seen:
    """One instant of the site. Empty Lua lists arrive as empty dicts: treat both as nothing."""

    calls: dict[str, dict[str, str]]
    agents: dict[str, dict[str, str]]
    lists: dict[str, Any]
    staff: dict[str, dict[str, int]]
    heads: dict[str, bool]
    """Lane → whether `heads` says rightly who is first."""
    due: Any

    def check(self) -> None:
        """What must never be, whatever the rules are."""
        lines = [call for name, ids in self.lists.items() if name.startswith("line:") for call in ids]
        assert len(lines) == len(set(lines)), "a caller stands in two lines"
        in_line = {call for call, c in self.calls.items() if c["state"] in IN_LINE}
        assert set(lines) == in_line, f"lost or left over: {set(lines) ^ in_line}"
        reserved = {agent: (a["call"], a["state"]) for agent, a in self.agents.items() if a["state"] in BUSY}
        due = {agent: (call, c["state"]) for call, c in self.calls.items() for agent in agents_of(c)}
        due |= {c["c_agent"]: (call, c["c_state"]) for call, c in self.calls.items() if c["c_agent"]}
        assert reserved == due, "a pair disagrees"
        assert all(self.heads.values()), f"not the first of their lanes: {self.heads}"
        for name in self.lists:
            if name.startswith("wait:") and self.lists[name]:
                queue, tier, need = read_lane(name.removeprefix("wait:"))
                for own in range(1, tier + 1):
                    idle = self.lists["idle:" + lane_name(queue, own, need)]
                    assert not idle, f"{name}: somebody waits while somebody is free"

    def equals(self, ref: Reference) -> None:
        """The reference says the same."""
        for call, c in ref.callers.items():
            seen = self.calls[call]
            assert seen["state"] == c.state, (call, seen, c)
            if c.state in BUSY:
                assert (seen["agent"], int(seen["attempt"])) == (c.agent, c.attempt), (call, seen, c)
            assert (seen["c_state"], int(seen["c_attempt"] or 0) if c.consult else 0) == (
                c.consult,
                c.asked_attempt if c.consult else 0,
            ), (call, seen, c)
            if c.state in IN_LINE:
                assert seen["rung"] == ",".join(f"{agent}:{n}" for agent, n in c.offers), (call, seen, c)
                assert (seen["queue"], float(seen["score"])) == (c.queue, c.score), (call, seen, c)
                assert seen["avoid"] == ",".join(c.avoid), (call, seen, c)
            assert bool(seen["answered_at"]) == c.answered
            assert int(seen["stage_at"] or 0) == c.stage_at, (call, seen, c)
        for agent, p in ref.people.items():
            real = self.agents[agent]
            assert (real["state"], real["reason"], real["wish"]) == (p.state, p.reason, p.wish), (real, p)
            assert real["call"] == p.call, (real, p)
            assert (real["leg"], real["leg_lost"]) == (p.leg, p.leg_lost), (real, p)
            assert int(real["due_at"] or 0) == p.due_at, (real, p)
        for queue in ref.queues:
            assert list(self.lists["line:" + queue]) == [c.call for c in ref.line(queue)]
            assert (self.staff or {}).get(queue, {}) == Counter(ref.staff(queue))
            lanes = {c.lane for c in ref.waiting(queue)}
            assert all(
                lane is None
                or lane[0].startswith("@")
                or f"wait:{lane_name(queue, lane[1], lane[0])}" in self.lists
                for lane in lanes
            )
        for name, ids in self.lists.items():
            queue, tier, need = read_lane(name.partition(":")[2])
            if name.startswith("wait:"):
                assert list(ids) == [c.call for c in ref.in_lane(queue, need, tier)], name
            elif name.startswith("idle:"):
                assert list(ids) == [p.agent for p in ref.idle(queue, need, tier)], name
        for agent in ref.people:
            own = [c for c in ref.callers.values() if c.lane == (f"@{agent}", 0)]
            found = [c.call for c in sorted(own, key=lambda c: (c.score, c.call))]
            assert list(self.lists["own:" + agent]) == found, agent
            assert not (found and ref.people[agent].state == "ready"), (
                "his own caller waits though he is free"
            )
        due = {f"agent:{p.agent}" for p in ref.people.values() if p.due_at}
        due |= {f"stage:{c.call}" for c in ref.callers.values() if c.stage_at}
        due |= {f"ring:{c.call}" for c in ref.callers.values() if c.ring_at}
        assert set(self.due) == due, (self.due, due)


def lane_name(queue: str, tier: int, need: str) -> str:
    return queue + (f"/{tier}" if tier > 1 else "") + (f"?{need}" if need else "")


def read_lane(lane: str) -> tuple[str, int, str]:
    place, _, need = lane.partition("?")
    queue, _, tier = place.partition("/")
    return queue, int(tier or 1), need


def agents_of(call: dict[str, str]) -> list[str]:
    """Who is reserved for a call: whoever is rung, or the one with whom he is connected."""
    if call["state"] == "offered":
        return [one.partition(":")[0] for one in call["rung"].split(",")]
    return [call["agent"]] if call["state"] in BUSY else []


class Eye:
    """One observer of a site."""

    ways: ClassVar[set[tuple[str, str]]] = set()
    """Every change of an agent's state that any observer has seen: from and to."""

    def __init__(self, redis: RedisProcess, site: str) -> None:
        self.link = Link(redis.url, "", ("PING",))
        self._site = f"{{{site}}}:"
        self._looks = 0
        self._sha = ""
        self._read_to = "-"
        self._new: list[str] = []
        self._logs: dict[str, list[Any]] = defaultdict(list)

    async def look(self, calls: list[str]) -> Seen:
        """The site now; what was logged since the last look waits for `hear`."""
        if not self._sha:
            self._sha = await self.link.call("SCRIPT", "LOAD", LOOK)
        names = (msgspec.json.encode(part).decode() for part in (calls, CALL + ASKED, AGENT))
        packed, entries = await self.link.call("EVALSHA", self._sha, 1, self._site, *names, self._read_to)
        self._new = [line for _, fields in entries for line in fields[1].split("\n")]
        if entries:
            self._read_to = "(" + entries[-1][0]
        self._looks += 1
        if self._looks % TRIM_EVERY == 0:
            await self.link.call("XTRIM", self._site + "log", "MAXLEN", 1)
        return Seen(**msgspec.json.decode(packed))

    def hear(self, ref: Reference) -> None:
        """Exactly these events were logged, in this order; the log of a call that ended is sound."""
        said, ref.log = ref.log, []
        heard = [msgspec.json.decode(text) for text in self._new]
        assert [(e.get("call"), e["kind"]) for e in heard if e["kind"] not in OF_AGENTS] == [
            (owner, kind) for owner, kind, _, _ in said if kind not in OF_AGENTS
        ], (heard, said)
        for text, event, (owner, kind, at, fields) in zip(self._new, heard, said, strict=True):
            assert (event["kind"], event["at"]) == (kind, at), (event, at)
            assert owner == (event["agent"] if kind in OF_AGENTS else event["call"])
            wrong = {name: value for name, value in fields.items() if event.get(name, "") != value}
            assert not wrong, (event, wrong)
            self._keep(text)

    def _keep(self, text: str) -> None:
        event = decode(text)
        if isinstance(event, AgentStateChanged):
            self.ways.add((event.from_, event.to))
        elif isinstance(event, CallEvent):
            self._logs[event.call].append(event)
            if event.kind == "ended":
                found = violations(self._logs.pop(event.call))
                assert not found, [str(one) for one in found]

    def check_open_logs(self) -> None:
        """The logs of calls that are still live are sound as far as they go."""
        for events in self._logs.values():
            found = violations(events, live=True)
            assert not found, [str(one) for one in found]

    async def close(self) -> None:
        await self.link.close()
