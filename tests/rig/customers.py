"""The server that the example's flow `account` asks: who knows a customer's PIN is told what he owes.

    make customers                            # and, so that flows may ask a server on this machine:
    HOLDFAST_HTTP_NETWORKS='["127.0.0.1/32"]' make run

    POST /customers/NUMBER  {"pin": "…"}  →  200 {"balance": 24.5, "due": "2026-12-01"} · 403 · 404

Customer 123456 has PIN 4711, customer 654321 PIN 1147. It answers on loopback only and writes nothing down.
"""

from hmac import compare_digest
from typing import NamedTuple

from aiohttp import web

HOST, PORT = "127.0.0.1", 8099


class Customer(NamedTuple):
    pin: str
    balance: float
    due: str


CUSTOMERS = {
    "123456": Customer("4711", 24.5, "2026-12-01"),
    "654321": Customer("1147", 0, "2026-12-15"),
}


async def account(request: web.Request) -> web.Response:
    customer = CUSTOMERS.get(request.match_info["number"])
    if customer is None:
        raise web.HTTPNotFound
    if not compare_digest(str((await request.json()).get("pin")), customer.pin):
        raise web.HTTPForbidden
    return web.json_response({"balance": customer.balance, "due": customer.due})


def service() -> web.Application:
    """The application, to be served by whoever needs it."""
    app = web.Application()
    app.router.add_post("/customers/{number}", account)
    return app


if __name__ == "__main__":
    web.run_app(service(), host=HOST, port=PORT, access_log=None)
