"""Live figures and actions for programs: HTTP, a WebSocket, and `/metrics`. For people: docs/api.md.

    stream ── Watch ──► Board ──┬─► answers to requests      ivr/api/service.py
    queues/snapshots ──┘        ├─► /v1/live                 ivr/api/live.py
                                └─► /metrics                 ivr/api/metrics.py

One process, beside the workers: what it costs does not depend on how many watch, and nothing waits for it.
"""
