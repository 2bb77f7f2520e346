"""Fault switches and scripts of a server that runs, over its admin route."""

import json
import os
import subprocess
import tempfile

import requests
import websocket

from _checks import ORDER, PATIENCE, Trader, check, end, equal

BUYER, MERCHANT = "demo-buyer-key", "demo-merchant-key"


class Server:
    """A server of our own, with a way in."""

    def __init__(self):
        # `chat serve` reads some of the runner's variables as options.
        clean = {k: v for k, v in os.environ.items() if not k.startswith("CHAT_")}
        self.folder = tempfile.TemporaryDirectory()
        ca = os.path.join(self.folder.name, "ca.pem")
        command = [os.environ["CHAT_BIN"], "serve", "--listen", "127.0.0.1:0", "--json", "--admin"]
        self.process = subprocess.Popen(
            [*command, "--ca", ca], stdout=subprocess.PIPE, text=True, env=clean
        )
        self.ready = json.loads(self.process.stdout.readline())
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "WEBSOCKET_CLIENT_CA_BUNDLE"):
            os.environ[name] = ca
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Bearer {self.ready['admin']['token']}"

    def set(self, **faults):
        url = f"{self.ready['admin']['url']}/faults"
        return self.http.post(url, json=faults, timeout=PATIENCE)

    def reset(self):
        return self.http.delete(f"{self.ready['admin']['url']}/faults", timeout=PATIENCE)

    def play(self, *steps):
        url = f"{self.ready['admin']['url']}/script"
        return self.http.post(url, json={"order": ORDER, "steps": steps}, timeout=PATIENCE)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.folder.cleanup()


def main(server):
    url = server.ready["admin"]["url"]
    equal("admin is the last member of the line", list(server.ready)[-1], "admin")
    bare = requests.get(f"{url}/faults", timeout=PATIENCE)
    equal("without the token nobody is let in", bare.status_code, 401)
    wrong = {"Authorization": "Bearer " + "0" * 64}
    equal("nor with another", requests.get(f"{url}/faults", headers=wrong, timeout=PATIENCE).status_code, 401)
    equal("a switch that is not there is refused", server.set(no_ehco=True).status_code, 400)

    merchant = Trader("merchant", server.ready["c2c"])
    merchant.dial()
    call = "retrieveChatCredential"

    # The script speaks for the other side and the service.
    answer = server.play(
        {"text": {"from": BUYER, "content": "paid?"}},
        {"order_event": {"event": "payed"}},
        {"auto_reply": {"content": "thank you"}},
        {"card": {"sub_type": "order_payment", "content": "{}"}},
        {"appeal": {"by": BUYER}},
        {"enquiry": {"to": MERCHANT, "content": "is it there?"}},
    )
    ids = answer.json()["ids"]
    text = merchant.frame(type="text")
    equal("a text of the other side", (text["content"], text["self"], text["id"]), ("paid?", False, ids[0]))
    event = json.loads(merchant.frame(type="system")["content"])
    equal("the seller reads his own role", event["type"], "seller_payed")
    equal("an automatic reply", merchant.frame(type="auto_reply")["content"], "thank you")
    equal("a card", merchant.frame(type="card")["subType"], "order_payment")
    equal("an appeal of the other side", json.loads(merchant.frame(type="system")["content"])["type"], "be_appeal")
    enquiry = merchant.frame(type="text")
    check("a question without an order", "orderNo" not in enquiry and enquiry["groupId"], enquiry)
    server.play({"recall": {"id": int(ids[0])}})
    equal("a message is withdrawn", merchant.frame(type="recall")["id"], ids[0])

    # Faults of calls.
    server.set(retry_after_secs=7, fault_times=1)
    limited = merchant.get(call)
    equal("429 with Retry-After", (limited.status_code, limited.headers["Retry-After"]), (429, "7"))
    equal("once", merchant.get(call).status_code, 200)
    server.reset()
    for switch, status in (("server_error", 503), ("html_403", 403), ("empty_200", 200), ("ban_secs", 418)):
        server.set(**{switch: status if switch == "server_error" else 60 if switch == "ban_secs" else True})
        equal(f"{switch}", merchant.get(call).status_code, status)
        server.reset()
    server.set(gateway_code=-2008)
    equal("gateway_code", merchant.get(call).json()["code"], -2008)
    server.reset()

    # Faults of messages.
    server.set(no_echo=True)
    silent = merchant.text("no copy")
    server.set(no_echo=False, duplicate=True)
    twice = merchant.text("twice")
    uuids = [merchant.frame(type="text")["uuid"] for _ in range(2)]
    equal("no copy of one, two of the other", uuids, [twice, twice])
    stored = [it["uuid"] for it in merchant.history(page=1, rows=10)["data"]]
    equal("both are in history, once", [stored.count(it) for it in (silent, twice)], [1, 1])
    server.reset()
    server.set(refuse_text="whatsapp", drop_text="bank")
    merchant.text("my bank")
    refused = merchant.text("on whatsapp")
    equal("refused by uuid", merchant.frame()["uuid"], refused)
    server.reset()

    # Faults of connections.
    server.set(close_after=1, close_when="received", close_code=1011)
    merchant.dial()
    lost = merchant.text("nobody sees this")
    equal("closed at a message", merchant.closed(), (1011, "fault"))
    stored = [it["uuid"] for it in merchant.history(page=1, rows=10)["data"]]
    check("which is not stored", lost not in stored, stored)
    server.reset()
    server.set(refuse_upgrade=503)
    try:
        merchant.dial()
        check("an upgrade is refused", False, "it was not")
    except websocket.WebSocketBadStatusException as refused:
        equal("an upgrade is refused", refused.status_code, 503)
    server.reset()

    # Messages in pieces, seen by somebody who looks at each.
    server.set(fragment_bytes=50)
    merchant.dial(fire_cont_frame=True)
    merchant.text("long " * 100)
    pieces = []
    while not pieces or not pieces[-1].fin:
        pieces.append(merchant.socket.recv_data_frame(control_frame=False)[1])
        if len(pieces) > 100:
            break
    check("a message comes in pieces", len(pieces) > 5, len(pieces))
    server.reset()
    merchant.hang_up()


server = Server()
try:
    main(server)
finally:
    server.stop()
end()
