"""Every Redis key of a site, in one place. All carry the hash tag `{site}`: one slot, for the scripts.

| key | type | age | owner | what |
|---|---|---|---|---|
| log | stream | archive trims it | calllog | the call log |
| archives | hash | for ever | calllog | archive → how its archiver says it is |
| clock | string | for ever | calllog | last instant a script has used, ms: time never runs back |
| call:ID | hash | the call + 60 s | queues | checkpoint, owner, epoch and place of a live call |
| owned:WORKER | set | while it has calls | ivr | live calls of a worker |
| workers | hash | for ever | ivr | worker → number of its incarnation |
| process:WORKER | hash | for ever | ivr | pid, host, library, start and last renewal of the incarnation |
| lease:WORKER | string | 4 s | ivr | number of the incarnation that lives |
| draining | set | until drained or started again | ivr | workers that claim no more calls |
| queues | set | published | queues | names of the queues |
| queue:NAME | hash | for ever | queues | settings of a queue, its lanes |
| guarded | set | published | queues | queues whose rules may send away who waits |
| staff | hash | for ever | queues | queue and group of states → how many of its agents |
| line:QUEUE | zset | while somebody waits | queues | everyone in the queue by score; position = rank |
| wait:LANE | zset | while somebody waits | queues | who of the line may be matched, by lane (lua/lanes.lua) |
| heads | zset | while somebody waits | queues | each lane by the score of who is first in it |
| idle:LIST | zset | while somebody is ready | queues | ready agents by queue, tier and need that they meet |
| joined:QUEUE | zset | while somebody waits | queues | everyone in the queue by when he joined |
| lanes | string | for ever | queues | changes whenever lanes or settings of queues do |
| publishing | string | for ever | queues | the publication that was begun last |
| agents | set | published | queues | ids of the agents |
| agent:ID | hash | for ever | queues | state, device, reservation and counters of an agent |
| devices | hash | while logged in | queues | device → agent who is at it |
| equipment | set | published | queues | names of the devices |
| unreachable | set | while so | queues | devices that cannot be rung |
| legs | hash | while connected | queues | channel of an agent's leg that stays → its worker, and agent |
| legs:WORKER | set | while connected | queues | channels of such legs that a worker has |
| in-use | set | while so | queues | devices that are in calls which are none of ours |
| due | zset | while due | queues | `agent:ID`, `stage:CALL` by the instant a rest ends, a stage begins |
| ties | string | for ever | queues | last join's ms and how many there were in it |
| outbox | zset | until delivered | queues | keys of letters to other people's servers by when they are due |
| dialled | zset | 1 h | queues | calls to numbers outside by when they began |
| last:HASH | string | 30 days | queues | whom a number, hashed with the queue, talked to last |
| once:WHAT | string | as asked | queues | what a caller was told lately, his number hashed: by whom |
| tries:WHO | string | 1 h | queues | PINs that were tried for an agent, and at a device |
| letter:KEY | hash | until delivered, 1 day | queues | a letter, its attempts, and when it was posted |
| counted:KEY | string | 10 min | ivr | number that one run of such a step has got, for a take-over |
| counters | hash | for ever | ivr | step that counts callers (`split`) → how many it has had |
| version | string | for ever | queues | version of the published settings |
| probe | string | for ever | queues | written after a connect to see that writing works |
| told | hash | for ever | calllog | worker → its last system event, to recognise a repetition |
| worker-events | hash | for ever | calllog | numbers of the workers' events |
| wake:WORKER | channel | | queues | offers for calls of a worker, and that doors are to be looked at, JSON |
"""


class Keys:
    """Names of one site's keys."""

    def __init__(self, site: str) -> None:
        self.prefix = f"{{{site}}}:"
        self.log = self.prefix + "log"
        self.queues = self.prefix + "queues"
        self.agents = self.prefix + "agents"
        self.devices = self.prefix + "devices"
        self.equipment = self.prefix + "equipment"
        self.workers = self.prefix + "workers"
        self.legs = self.prefix + "legs"
        self.draining = self.prefix + "draining"

    def call(self, call: str) -> str:
        return f"{self.prefix}call:{call}"

    def owned(self, worker: str) -> str:
        return f"{self.prefix}owned:{worker}"

    def queue(self, queue: str) -> str:
        return f"{self.prefix}queue:{queue}"

    def line(self, queue: str) -> str:
        return f"{self.prefix}line:{queue}"

    def idle(self, queue: str, tier: int = 1) -> str:
        return f"{self.prefix}idle:{queue}/{tier}" if tier > 1 else f"{self.prefix}idle:{queue}"

    def agent(self, agent: str) -> str:
        return f"{self.prefix}agent:{agent}"

    def wake(self, worker: str) -> str:
        return f"{self.prefix}wake:{worker}"
