"""What the scripts of this folder share: lines of results, and a trader built on public libraries.

The signature is made with `hmac` and `urllib` here, from the published documentation; nothing of
this repository's code takes part.
"""

import hashlib
import hmac
import json
import time
import uuid
from urllib.parse import quote

import requests
import websocket

ORDER = "20476365073825144832"
CHAT = "/sapi/v1/c2c/chat/"
PATIENCE = 10

failed = 0


def check(what, good, why=""):
    """Prints the line of one check."""
    global failed
    if good:
        print(f"ok {what}", flush=True)
    else:
        failed += 1
        print(f"FAIL {what}: {why}", flush=True)


def equal(what, found, expected):
    check(what, found == expected, f"{found!r}, expected {expected!r}")


def end():
    raise SystemExit(1 if failed else 0)


def encode(pairs):
    """RFC 3986: everything but the unreserved characters, a space as %20."""
    return "&".join(f"{quote(str(k), safe='-_.~')}={quote(str(v), safe='-_.~')}" for k, v in pairs)


def signature(secret, payload):
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


class Trader:
    """The documented client, without any comfort."""

    def __init__(self, name, base):
        self.key = f"demo-{name}-key"
        self.secret = f"demo-{name}-secret"
        self.base = base
        self.http = requests.Session()
        self.socket = None
        self.opened = []

    def now(self):
        return int(time.time() * 1000)

    def url(self, call, params=(), timestamp=None, secret=None, window=5000):
        pairs = [*params, ("recvWindow", window), ("timestamp", timestamp or self.now())]
        payload = encode(pairs)
        signed = signature(secret or self.secret, payload)
        return f"{self.base}{CHAT}{call}?{payload}&signature={signed}"

    def headers(self):
        return {"X-MBX-APIKEY": self.key, "clientType": "web"}

    def get(self, call, params=(), headers=None, **how):
        headers = self.headers() if headers is None else headers
        return self.http.get(self.url(call, params, **how), headers=headers, timeout=PATIENCE)

    def post(self, call, body, headers=None, **how):
        headers = self.headers() if headers is None else headers
        return self.http.post(self.url(call, **how), json=body, headers=headers, timeout=PATIENCE)

    def history(self, **params):
        params = [("orderNo", ORDER), *params.items()]
        answer = self.get("retrieveChatMessagesWithPagination", params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ticket(self):
        data = self.get("retrieveChatCredential").json()["data"]
        return f"{data['chatWssUrl']}/{data['listenKey']}?token={data['listenToken']}&clientType=web"

    def dial(self, **how):
        self.socket = websocket.create_connection(self.ticket(), timeout=PATIENCE, **how)
        self.opened.append(self.socket)
        return self.socket

    def hang_up(self):
        for socket in self.opened:
            socket.shutdown()

    def text(self, content, **changes):
        """Sends the published text frame; gives its uuid."""
        frame = {
            "type": "text", "uuid": str(uuid.uuid4()), "orderNo": ORDER, "content": content,
            "self": True, "clientType": "web", "createTime": self.now(), "sendStatus": 0,
        }
        frame.update(changes)
        self.socket.send(json.dumps(frame))
        return frame["uuid"]

    def image(self, url, **changes):
        frame = {
            "type": "image", "uuid": str(uuid.uuid4()), "orderNo": ORDER, "imageUrl": url,
            "thumbnailUrl": url, "imageType": "png", "width": 8, "height": 6, "self": True,
            "clientType": "web", "createTime": self.now(), "sendStatus": 0,
        }
        frame.update(changes)
        self.socket.send(json.dumps(frame))
        return frame["uuid"]

    def frame(self, **like):
        """The next frame with these members; what comes before is skipped."""
        while True:
            text = self.socket.recv()
            if not text:
                raise EOFError("the connection was closed")
            frame = json.loads(text)
            if all(frame.get(name) == value for name, value in like.items()):
                return frame

    def closed(self):
        """Code and reason of the close frame that comes next."""
        while True:
            opcode, data = self.socket.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return int.from_bytes(data[:2], "big"), data[2:].decode()
