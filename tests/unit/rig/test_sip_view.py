"""SIPp's message file becomes the life of each call."""

from tests.rig.sip_view import Leg, legs, parse


def lines(*messages: str) -> list[str]:
    """Each message `ms way cseq method first line` of call 1."""
    made = []
    for message in messages:
        ms, way, cseq, first = message.split(" ", 3)
        at = f"{int(ms) / 1000:.6f}"
        made.append(
            f"2026-11-22\t00:00:00\t{at}\t{way}\t1-9@127.0.0.1\tCSeq:{cseq.replace(',', ' ')}\t{first}"
        )
    return made


def only(*messages: str) -> Leg:
    (leg,) = legs(parse(lines(*messages)))
    return leg


def test_a_call_answered_held_and_ended_by_the_server() -> None:
    leg = only(
        "1000 S 1,INVITE INVITE sip:100@h SIP/2.0",
        "1010 R 1,INVITE SIP/2.0 100 Trying",
        "1020 R 1,INVITE SIP/2.0 180 Ringing",
        "1500 R 1,INVITE SIP/2.0 200 OK",
        "1501 S 1,ACK ACK sip:h SIP/2.0",
        "1600 R 1,INVITE SIP/2.0 200 OK",
        "2000 S 2,INVITE INVITE sip:h SIP/2.0",
        "2010 R 2,INVITE SIP/2.0 200 OK",
        "4000 S 3,INVITE INVITE sip:h SIP/2.0",
        "4010 R 3,INVITE SIP/2.0 200 OK",
        "9000 R 7,BYE BYE sip:c SIP/2.0",
        "9001 S 7,BYE SIP/2.0 200 OK",
    )
    assert (leg.number, leg.to_uri) == (1, "sip:100@h")
    assert (leg.invited_at, leg.ringing_at, leg.answered_at, leg.status) == (1000, 1020, 1500, 200)
    assert leg.reinvited_at == [2010, 4010]
    assert (leg.ended_at, leg.ended_by, leg.talked_ms) == (9000, "them", 7500)


def test_an_agent_who_is_cancelled() -> None:
    leg = only(
        "1000 R 5,INVITE INVITE sip:a@h SIP/2.0",
        "1001 S 5,INVITE SIP/2.0 180 Ringing",
        "3000 R 5,CANCEL CANCEL sip:a@h SIP/2.0",
        "3001 S 5,CANCEL SIP/2.0 200 OK",
        "3002 S 5,INVITE SIP/2.0 487 Request Terminated",
    )
    assert (leg.cancelled_at, leg.status, leg.answered_at, leg.ended_by) == (3000, 487, 0, "")


def test_a_challenge_is_no_refusal_and_a_refused_request_is_counted() -> None:
    leg = only(
        "1000 S 1,INVITE INVITE sip:*45@h SIP/2.0",
        "1001 R 1,INVITE SIP/2.0 401 Unauthorized",
        "1002 S 2,INVITE INVITE sip:*45@h SIP/2.0",
        "1003 R 2,INVITE SIP/2.0 200 OK",
        "1004 R 3,REFER SIP/2.0 603 Decline",
    )
    assert (leg.status, leg.answered_at, leg.refused_requests) == (200, 1003, 1)


def test_torn_and_foreign_lines_are_left_out() -> None:
    assert (
        parse(
            ["", "Nothing of ours", "2026\t0\t1\tS\tx\tCSeq:1 INV", "2026\t0\t1.0\tS\t1-2@h\tCSeq:x\tINVITE"]
        )
        == []
    )
    assert legs(parse(lines("1 R 1,OPTIONS OPTIONS sip:h SIP/2.0"))) == []
