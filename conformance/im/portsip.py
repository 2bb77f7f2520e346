"""The conversations of PortSIP's published samples, with the Python packages they use: websockets
and aiohttp. After each request the next frame is read and must be the answer, as the samples do."""

import asyncio
import base64
import json
import os
import re
import ssl
import sys
import uuid

import aiohttp
import websockets

PBX = os.environ["CHAT_PBX"]
IM = os.environ["CHAT_IM"]
DOMAIN = "pbx.example.com"
ALICE = "usr804252613548777777"
BOB = "usr804252613548703744"
STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$")

failed = 0


def equal(actual, expected, what="value"):
    if actual != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {actual!r}")


async def check(what, body):
    global failed
    try:
        await body
        print(f"ok {what}")
    except Exception as error:  # whatever it is, the next check runs
        failed += 1
        print(f"FAIL {what}: {type(error).__name__}: {error}")


class User:
    """A logged-in connection of an extension."""

    def __init__(self, number):
        self.number = number

    async def connect(self, http):
        form = {
            "grant_type": "password",
            "username": self.number,
            "password": f"demo-{self.number}",
            "domain": DOMAIN,
            "client_id": "9d806019-75b2-4b3d-bb8b-f5a3a412cc0a",
        }
        async with http.post(f"{PBX}/api/login/oauth/token", data=form) as response:
            equal(response.status, 200, "status of the token call")
            self.tokens = await response.json()
        equal(self.tokens["token_type"], "Bearer")
        context = ssl.create_default_context() if IM.startswith("wss") else None
        self.socket = await websockets.connect(IM, ssl=context)
        plain = f"{self.number}@{DOMAIN}:{self.tokens['access_token']}"
        secret = base64.b64encode(plain.encode()).decode()
        answer = await self.ask("login", scheme="access_token", secret=secret)
        equal((answer["code"], answer["text"]), (200, "ok"))
        equal(answer["params"]["authlvl"], "auth")
        self.user = answer["params"]["user"]
        self.file_token = answer["params"]["token"]

    async def frame(self):
        return json.loads(await asyncio.wait_for(self.socket.recv(), 5))

    async def send(self, verb, **body):
        body["id"] = str(uuid.uuid4())
        await self.socket.send(json.dumps({verb: body}))
        return body["id"]

    async def ask(self, verb, **body):
        """Sends a request; the next frame is its `ctrl`."""
        id = await self.send(verb, **body)
        return self.check(await self.frame(), id)

    @staticmethod
    def check(frame, id):
        equal(list(frame), ["ctrl"], "the frame after a request")
        ctrl = frame["ctrl"]
        equal(ctrl["id"], id, "id")
        assert STAMP.match(ctrl["ts"]), ctrl["ts"]
        return ctrl

    async def until(self, kind, **members):
        """The next frame of a kind with these members."""
        while True:
            body = (await self.frame()).get(kind)
            if body and all(body.get(name) == value for name, value in members.items()):
                return body

    async def silence(self):
        """Reads what is there, as the samples do, until nothing comes."""
        frames = []
        try:
            while True:
                frames.append(json.loads(await asyncio.wait_for(self.socket.recv(), 0.3)))
        except asyncio.TimeoutError:
            return frames


async def main():
    async with aiohttp.ClientSession() as http:
        alice, bob = User("101"), User("102")

        async def log_in():
            await alice.connect(http)
            await bob.connect(http)
            equal((alice.user, bob.user), (ALICE, BOB))
            base64.b64decode(alice.file_token, validate=True)

        async def refused():
            form = {"grant_type": "password", "username": "101", "password": "x", "domain": DOMAIN}
            async with http.post(f"{PBX}/api/login/oauth/token", data=form) as response:
                equal(response.status, 400)
                equal((await response.json())["errors"][0]["code"], "UNAUTHORIZED")

        async def p2p():
            answer = await alice.ask("sub", topic=BOB)
            equal((answer["code"], answer["topic"]), (200, BOB))
            id = await alice.send("pub", topic=BOB, noecho=False, content="test test test")
            answer = alice.check(await alice.frame(), id)
            equal((answer["code"], answer["text"]), (202, "accepted"))
            equal(answer["params"], {"seq": 1})
            data = (await alice.frame())["data"]
            expected = {"topic": BOB, "from": ALICE, "ts": answer["ts"], "seq": 1}
            equal(data, expected | {"content": "test test test", "reqid": id})
            equal(list(data), ["topic", "from", "ts", "seq", "content", "reqid"], "order")
            answer = await bob.ask("sub", topic=ALICE)
            equal(answer["code"], 200)
            await alice.ask("pub", topic=BOB, noecho=True, content={"any": ["json", 1]})
            data = await bob.until("data", seq=2)
            equal((data["topic"], data["from"]), (ALICE, ALICE))
            equal(data["content"], {"any": ["json", 1]})

        async def topics():
            ims = "2024-01-03T07:38:56.304Z"
            id = await alice.send("get", topic=BOB, what="sub", sub={"ims": ims})
            meta = (await alice.frame())["meta"]
            equal((meta["id"], meta["topic"]), (id, BOB))
            rows = {row["user"]: row for row in meta["sub"]}
            equal(sorted(rows), sorted([ALICE, BOB]))
            acs = rows[BOB]["acs"]
            equal(acs, {"want": "JRWPA", "given": "JRWPA", "mode": "JRWPA"})
            equal(rows[ALICE]["acs"]["given"], "JRWPAS")
            id = await alice.send("get", topic=BOB, what="desc", desc={"ims": ims})
            desc = (await alice.frame())["meta"]["desc"]
            for name in ["created", "updated", "touched"]:
                assert STAMP.match(desc[name]), desc
            equal((desc["seq"], desc["read"], desc["recv"]), (2, 2, 2))

        async def history():
            data = {"before": 10000, "limit": 1000, "since": 0}
            id = await bob.send("get", topic=ALICE, what="data", data=data)
            frames = await bob.silence()
            equal([frame["data"]["seq"] for frame in frames[:-1]], [2, 1])
            end = bob.check(frames[-1], id)
            equal((end["code"], end["params"]), (208, {"what": "data", "count": 2}))

        async def group():
            answer = await alice.ask("sub", topic="new")
            equal(answer["code"], 200)
            name = answer["topic"]
            assert re.match(r"^grp[A-Za-z0-9_-]{11}$", name), name
            full = {"want": "JRWPASDO", "given": "JRWPASDO", "mode": "JRWPASDO"}
            equal(answer["params"], {"acs": full, "tmpname": "new"})
            await alice.ask("pub", topic=name, noecho=True, content="first")
            answer = await bob.ask("sub", topic=name)
            equal((answer["code"], answer["text"]), (202, "accepted"))
            equal(answer["params"]["seq"], 1)
            await alice.silence()
            answer = await bob.ask("pub", topic=name, noecho=False, content="test test test")
            equal((answer["code"], answer["params"]), (202, {"seq": 2}))
            equal((await bob.frame())["data"]["seq"], 2)
            equal((await alice.frame())["data"]["from"], BOB)
            # Information.
            answer = await alice.ask("set", topic=name, desc={"public": {"fn": "My group"}})
            equal((answer["code"], answer["topic"]), (200, name))
            answer = await bob.ask("set", topic=name, desc={"public": {"fn": "Mine"}})
            equal(answer["code"], 403)
            # Leave and come back.
            answer = await bob.ask("leave", topic=name, unsub=True)
            equal((answer["code"], answer["text"], answer["topic"]), (200, "ok", name))
            equal((await bob.ask("sub", topic=name))["code"], 202)
            await alice.silence()
            # Pass it on: the news first, then the answer.
            id = await alice.send("set", topic=name, sub={"mode": "JRWPASDO", "user": BOB})
            lost = {"want": "-ADO", "given": "-ADO"}
            equal(await alice.frame(), {"pres": {"topic": name, "what": "acs", "dacs": lost}})
            answer = alice.check(await alice.frame(), id)
            equal(answer["params"], {"acs": full, "user": BOB})
            await bob.silence()
            # Remove a member, delete the group.
            answer = await bob.ask("del", topic=name, what="sub", user=ALICE)
            equal((answer["code"], answer["topic"]), (200, name))
            evicted = await alice.until("ctrl", code=205)
            equal(evicted["params"], {"unsub": True})
            answer = await bob.ask("del", topic=name, what="topic")
            equal(answer["code"], 200)
            equal((await bob.ask("sub", topic=name))["code"], 404)

        async def files():
            content = os.urandom(100_000)
            id = str(uuid.uuid4())
            form = aiohttp.FormData()
            form.add_field("id", id)
            form.add_field("file", content, filename="a file.bin")
            header = {"Authorization": f"token {alice.file_token}"}
            async with http.post(f"{PBX}/im/file", data=form, headers=header) as response:
                equal(response.status, 200)
                ctrl = json.loads(await response.text())["ctrl"]
            equal((ctrl["id"], ctrl["code"], ctrl["text"]), (id, 200, "ok"))
            url = ctrl["params"]["url"]
            assert re.match(r"^[A-Za-z0-9_-]{32}$", url), url
            header = {"Authorization": f"token {bob.file_token}"}
            async with http.get(f"{PBX}/im/file/{url}", headers=header) as response:
                equal(response.status, 200)
                equal(await response.read() == content, True, "the same bytes")
            header["Range"] = "bytes=10-19"
            async with http.get(f"{PBX}/im/file/{url}", headers=header) as response:
                equal(response.status, 206)
                equal(await response.read(), content[10:20])
            async with http.get(f"{PBX}/im/file/{url}") as response:
                equal(response.status, 401, "without a token")

        async def refreshed():
            form = {"grant_type": "refresh_token", "refresh_token": alice.tokens["refresh_token"]}
            async with http.post(f"{PBX}/api/login/oauth/token", data=form) as response:
                equal(response.status, 200)
                fresh = await response.json()
            assert fresh["access_token"] != alice.tokens["access_token"]

        async def lives():
            # Longer than one look, with pings of the client's own.
            pong = await alice.socket.ping()
            await asyncio.wait_for(pong, 5)
            await alice.socket.send("1")
            equal(await asyncio.wait_for(alice.socket.recv(), 5), "0")
            await alice.socket.send("this is no frame")
            equal((await alice.frame())["ctrl"]["code"], 400)

        await check("a token and a login", log_in())
        await check("a wrong password", refused())
        await check("a conversation between two", p2p())
        await check("subscriptions and description", topics())
        await check("history", history())
        await check("the life of a group", group())
        await check("a file up and down", files())
        await check("a fresh pair of tokens", refreshed())
        await check("ping, probe and nonsense", lives())
        for user in [alice, bob]:
            await user.socket.close()
    sys.exit(1 if failed else 0)


asyncio.run(main())
