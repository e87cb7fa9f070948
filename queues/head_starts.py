"""Head starts: why a caller is served as if he had come earlier. Pure; lua/head_starts.lua adds them up."""

from collections.abc import Mapping
from typing import Literal, get_args

HeadStart = Literal["weight", "priority", "vip", "credit", "escalated", "moved"]
"""weight: of the queue · priority: by the flow or a supervisor · vip: by the number · credit: time that he
has waited before in this call · escalated: by an `escalate` step · moved: to a place in line, by somebody."""

REASONS: tuple[HeadStart, ...] = get_args(HeadStart)

NO_HEAD_START: Mapping[HeadStart, float] = {}
