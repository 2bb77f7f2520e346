"""A second implementation of the signature, against ours on 10 000 sets of parameters.

Ours signs and this one verifies; this one signs, in two spellings, and ours verifies; and ours
refuses what was changed on the way. The seed is fixed: a failure is the same failure everywhere.
"""

import hashlib
import hmac
import os
import random
import subprocess
from pathlib import Path
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

from _checks import check, end

SETS = 10_000
NOW = 1_700_000_000_000
# The longest query the service looks at, and how many parameters it takes.
MAX_BYTES, MAX_PARAMS = 16 * 1024, 64
RESERVED = " !\"#$%&'()*+,/:;<=>?@[\\]^`{|}~-_.\t\r\n\x00\x7f"

OURS = os.environ.get("CHAT_SIGN_LINES")
ROOT = Path(__file__).resolve().parents[2]
CARGO = [os.environ.get("CARGO", "cargo"), "run", "--quiet", "-p", "chat-sign", "--example", "sign_lines"]


def ours(lines):
    """Our answers to lines of questions."""
    command = [OURS] if OURS else CARGO
    done = subprocess.run(
        command, input="".join(f"{line}\n" for line in lines), capture_output=True, text=True, cwd=ROOT
    )
    if done.returncode != 0:
        raise SystemExit(f"FAIL our signer: {done.stderr}")
    return done.stdout.splitlines()


def alphabet(draw):
    """Characters to draw from: letters, all that is reserved, and some of each plane of Unicode."""
    plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    spans = [(0x80, 0x800), (0x800, 0xD800), (0xE000, 0x10000), (0x10000, 0x110000)]
    foreign = [chr(draw.randrange(*span)) for span in spans for _ in range(60)]
    return list(plain) * 3 + list(RESERVED) * 5 + foreign


def text(draw, most):
    return "".join(draw.choices(CHARACTERS, k=draw.randrange(most + 1)))


def one_set(draw):
    """A key and some parameters that fit into a query."""
    key = text(draw, 80).encode() or b"k"
    names, pairs, room = {"signature", "timestamp", "recvWindow"}, [], MAX_BYTES - 200
    many, long = draw.random() < 0.01, draw.random() < 0.01
    for _ in range(MAX_PARAMS - 3 if many else draw.choice([0, 1, 2, 3, 4, 8])):
        name = text(draw, 12) or "n"
        value = text(draw, 4000 if long else draw.choice([0, 1, 8, 20, 60]))
        size = len(quote(name, safe="")) + len(quote(value, safe="")) + 2
        if name not in names and size <= room:
            names.add(name)
            pairs.append((name, value))
            room -= size
    return key, pairs, draw.choice([1, 5000, 60000])


CHARACTERS = alphabet(random.Random(1))


def mac(key, payload):
    return hmac.new(key, payload.encode("ascii"), hashlib.sha256).hexdigest()


def rfc3986(pairs):
    return urlencode(pairs, quote_via=lambda it, *_: quote(it, safe="-_.~"))


def line(pairs):
    return "".join(f"\t{k.encode().hex()}={v.encode().hex()}" for k, v in pairs)


def changed(draw, query):
    """The same query with one character of it another one."""
    at = draw.randrange(len(query))
    other = draw.choice([it for it in "abc123" if it.lower() != query[at].lower()])
    return query[:at] + other + query[at + 1 :]


def main():
    draw = random.Random(20260131)
    sets = [one_set(draw) for _ in range(SETS)]
    sizes = [len(rfc3986(pairs)) for _, pairs, _ in sets]
    check(
        f"{SETS} sets of up to {max(len(it[1]) for it in sets)} parameters and {max(sizes)} bytes",
        max(sizes) > 12_000 and sum(1 for it in sizes if it == 0) > 100,
        f"{max(sizes)}",
    )

    # Ours signs.
    asked = [f"sign\t{k.hex()}\t{NOW}\t{window}{line(pairs)}" for k, pairs, window in sets]
    signed = ours(asked)
    spelt = verified = read = 0
    for (key, pairs, window), query in zip(sets, signed, strict=True):
        pairs = [*pairs, ("recvWindow", str(window)), ("timestamp", str(NOW))]
        payload, _, signature = query.rpartition("&signature=")
        spelt += payload == rfc3986(pairs)
        verified += hmac.compare_digest(signature, mac(key, payload))
        read += parse_qsl(payload, keep_blank_values=True, strict_parsing=True) == pairs
    for what, count in (("spells", spelt), ("signs", verified), ("reads", read)):
        check(f"this implementation {what} every query as ours did", count == SETS, f"{count} of {SETS}")

    # This one signs: spaces as %20, and as + as forms have them; upper-case digits now and then.
    for name, spelling in (("RFC 3986", rfc3986), ("a form", lambda it: urlencode(it, quote_via=quote_plus))):
        asked, expected = [], []
        for key, pairs, window in sets:
            pairs = [*pairs, ("timestamp", str(NOW)), ("recvWindow", str(window))]
            payload = spelling(pairs)
            signature = mac(key, payload)
            signature = signature.upper() if draw.random() < 0.1 else signature
            asked.append(f"verify\t{key.hex()}\t{NOW}\t{payload}&signature={signature}")
            expected.append(f"ok{line(pairs)}")
        answers = ours(asked)
        good = sum(1 for it in zip(answers, expected, strict=True) if it[0] == it[1])
        check(f"ours takes and reads every query in the spelling of {name}", good == SETS, f"{good} of {SETS}")

    # Something was changed on the way, or the key is another.
    some = list(zip(sets, signed, strict=True))[::4]
    asked = [f"verify\t{key.hex()}\t{NOW}\t{changed(draw, query)}" for (key, _, _), query in some]
    refused = sum(1 for it in ours(asked) if it.startswith("refused\t"))
    check("ours refuses every query that was changed", refused == len(some), f"{refused} of {len(some)}")
    asked = [f"verify\t{key.hex()}01\t{NOW}\t{query}" for (key, _, _), query in some]
    refused = sum(1 for it in ours(asked) if it.startswith("refused\t"))
    check("ours refuses every query under another key", refused == len(some), f"{refused} of {len(some)}")


main()
end()
