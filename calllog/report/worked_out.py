"""Lists of what figures have worked out: who was overtaken, who called again, what settled nothing."""

from calllog.figures.contact import followed, said
from calllog.figures.overtaking import overtaken
from calllog.printable import spaced
from calllog.report.listings import AGENT, CALL, CALLER, QUEUE, Listing
from calllog.report.model import Column

OVERTAKEN = Listing(
    "overtaken",
    overtaken,
    overtaken.c.joined_at,
    (
        Column(name="joined_at", title="Joined", kind="at"),
        QUEUE,
        CALLER,
        Column(name="reason", title="Because of"),
        Column(name="ms", title="By", kind="ms"),
        Column(name="by_call", title="Served before"),
        CALL,
    ),
    overtaken.c.ms,
    True,
    (overtaken.c.joined_at, overtaken.c.call, overtaken.c.n),
    {"reason": spaced},
)
FOLLOWED = Listing(
    "followed",
    followed,
    followed.c.arrived_at,
    (
        Column(name="arrived_at", title="Called", kind="at"),
        QUEUE,
        AGENT,
        CALLER,
        Column(name="next_at", title="Called again", kind="at"),
        CALL,
    ),
    followed.c.next_at - followed.c.ended_at,
    False,
    (followed.c.arrived_at, followed.c.call),
)
SAID = Listing(
    "unresolved",
    said,
    said.c.bridged_at,
    (
        Column(name="bridged_at", title="Began", kind="at"),
        AGENT,
        QUEUE,
        CALLER,
        Column(name="code", title="Said"),
        CALL,
    ),
    said.c.bridged_at,
    False,
    (said.c.call, said.c.agent),
)
