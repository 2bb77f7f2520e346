"""The documented client of order chat: signed ticket, WebSocket, text and copy, history, picture,
read mark, the documented errors, and a second connection of the same account."""

import os
import struct
import zlib

import requests
import websocket

from _checks import CHAT, ORDER, PATIENCE, Trader, check, encode, end, equal

BASE = os.environ["CHAT_C2C"]


def png(width, height):
    """A whole picture of one colour."""

    def chunk(kind, data):
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    rows = b"".join(b"\0" + b"\x20\x80\xc0" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    end = chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + end


def main():
    merchant, buyer = Trader("merchant", BASE), Trader("buyer", BASE)

    # The clock, and the ticket.
    clock = merchant.http.get(f"{BASE}/api/v3/time", timeout=PATIENCE).json()["serverTime"]
    check("the clock is public", abs(clock - merchant.now()) < 5000, clock)
    answer = merchant.get("retrieveChatCredential")
    body = answer.json()
    equal("a call that worked says 000000", (body["code"], body["success"]), ("000000", True))
    equal("the chat is where the server says", body["data"]["chatWssUrl"], os.environ["CHAT_WS"])
    check("the key has the published form", body["data"]["listenKey"].startswith("c2c_"), body)
    check("the token has the published form", body["data"]["listenToken"].startswith("TOKEN"), body)

    # One connection a ticket.
    ticket = merchant.ticket()
    merchant.socket = websocket.create_connection(ticket, timeout=PATIENCE)
    try:
        websocket.create_connection(ticket, timeout=PATIENCE)
        check("a used ticket is refused", False, "it opened a second connection")
    except websocket.WebSocketBadStatusException as refused:
        equal("a used ticket is refused", refused.status_code, 403)
    buyer.dial()

    # Text and copy.
    said = "hello 你好 \U0001F642 & <br>\nwith a second line"
    first = merchant.text(said)
    echo = merchant.frame(uuid=first)
    equal("the copy has the same content", echo["content"], said)
    equal("the copy is the author's own", (echo["self"], echo["type"]), (True, "text"))
    check("the copy has an id as a string", isinstance(echo["id"], str) and int(echo["id"]) > 2**53, echo)
    equal("the copy is unread", echo["status"], "unread")
    copy = buyer.frame(uuid=first)
    equal("the other side's is not its own", (copy["self"], copy["id"]), (False, echo["id"]))
    equal("the other side sees the name", copy["fromNickname"], "DemoMerchant")
    buyer.text("hi")
    reply = buyer.frame(type="auto_reply")
    equal("the automatic reply is the maker's", (reply["self"], reply["fromNickname"]), (False, "DemoMerchant"))

    # Frames that are not as they should be.
    wrong = merchant.image("https://h/a.png", content="https://h/a.png")
    error = merchant.frame(type="error")
    equal("a picture with content is refused", (error["content"], error["uuid"]), ("ILLEGAL_PARAM", wrong))
    equal("the refusal names the order", error["topicId"], ORDER)
    merchant.text("not mine", orderNo="22000000000000000009")
    equal("a strange order is refused", merchant.frame(type="error")["content"], "ILLEGAL_PARAM")
    again = merchant.text("still here")
    equal("the connection stays open", merchant.frame(uuid=again)["self"], True)

    # A picture.
    data = merchant.post("image/pre-signed-url", {"imageName": "receipt.png"}).json()["data"]
    picture = png(8, 6)
    put = requests.put(data["uploadUrl"], data=picture, timeout=PATIENCE)
    equal("the picture goes up", (put.status_code, put.content), (200, b""))
    put = requests.put(data["uploadUrl"], data=picture, timeout=PATIENCE)
    equal("its place is taken", put.status_code, 403)
    sent = merchant.image(data["imageUrl"])
    for who, frame in (("author", merchant.frame(uuid=sent)), ("other side", buyer.frame(uuid=sent))):
        shown = (frame["type"], frame["imageUrl"], frame["width"], frame["height"], "content" in frame)
        equal(f"the {who} gets it", shown, ("image", data["imageUrl"], 8, 6, False))
    down = requests.get(data["imageUrl"], timeout=PATIENCE)
    check("it comes down as it went up", down.content == picture, f"{len(down.content)} bytes")
    equal("with its type", down.headers["Content-Type"], "image/png")
    for _ in range(35):
        merchant.post("image/pre-signed-url", {"imageName": "a.png"})
    limited = merchant.post("image/pre-signed-url", {"imageName": "a.png"})
    equal("the 37th URL in a minute is refused", limited.status_code, 429)
    check("with the time to wait", 0 < int(limited.headers["Retry-After"]) <= 60, limited.headers)

    # History.
    page = buyer.history(page=1, rows=2)
    times = [item["createTime"] for item in page["data"]]
    equal("a page has as many as asked for", len(times), 2)
    check("the newest comes first", times == sorted(times, reverse=True), times)
    equal("beside how many there are", page["total"], 5)
    oldest = page["data"][-1]
    before = buyer.history(page=1, rows=100, id=oldest["id"])["data"]
    check("id is an exclusive bound", all(int(it["id"]) < int(oldest["id"]) for it in before), before)
    equal("the pages join", len(before), 3)
    images = buyer.history(page=1, rows=50, chatMessageType="image")["data"]
    equal("the filter leaves the picture", [it["uuid"] for it in images], [sent])
    check("the name is spelt with a capital N", "fromNickName" in images[0], images[0])
    equal("it is of the order alone", {it["orderNo"] for it in before}, {ORDER})

    # Read marks: signed, and with the key alone.
    answer = buyer.post("markOrderMessagesAsRead", {"orderNo": ORDER, "userId": 350000002})
    equal("marking works", (answer.status_code, answer.json()["success"]), (200, True))
    mark = merchant.frame(type="mark")
    check("the author hears of it", echo["id"] in mark["markIds"], mark)
    bare = f"{BASE}{CHAT}markOrderMessagesAsRead"
    answer = merchant.http.post(bare, json={"orderNo": ORDER}, headers=merchant.headers(), timeout=PATIENCE)
    equal("marking works with the key alone", answer.json()["code"], "000000")
    newest = merchant.history(page=1, rows=1)["data"][0]
    equal("history knows", newest["status"], "read")

    # The documented errors.
    def code(answer):
        return answer.status_code, answer.json()["code"]

    call = "retrieveChatCredential"
    equal("a wrong secret is -1022", code(merchant.get(call, secret="wrong")), (400, -1022))
    late = merchant.now() - 10_000
    equal("an old timestamp is -1021", code(merchant.get(call, timestamp=late)), (400, -1021))
    ahead = merchant.now() + 10_000
    equal("a timestamp ahead is -1021", code(merchant.get(call, timestamp=ahead)), (400, -1021))
    equal("a wide window takes it", code(merchant.get(call, timestamp=late, window=60000))[1], "000000")
    key = {"X-MBX-APIKEY": merchant.key}
    equal("no clientType is -31002", code(merchant.get(call, headers=key)), (400, -31002))
    nobody = {**merchant.headers(), "X-MBX-APIKEY": "nobody"}
    equal("an unknown key is -2015", code(merchant.get(call, headers=nobody)), (401, -2015))
    query = encode([("orderNo", ORDER), ("timestamp", merchant.now())])
    unsigned = f"{BASE}{CHAT}retrieveChatMessagesWithPagination?{query}"
    answer = merchant.http.get(unsigned, headers=merchant.headers(), timeout=PATIENCE)
    equal("no signature is -1102", code(answer), (400, -1102))
    lost = merchant.post("sendMessage", {"orderNo": ORDER, "content": "hi"})
    equal("there is no call that sends", lost.status_code, 404)
    # In another order of parameters, and with escapes that need not be: it is the bytes that count.
    params = [("note", "a b+c/ü~"), ("rows", 1), ("page", 1), ("orderNo", ORDER)]
    answer = merchant.get("retrieveChatMessagesWithPagination", params)
    equal("the order of parameters is free", answer.json()["code"], "000000")

    # A second connection of the same account.
    former = merchant.socket
    merchant.dial()
    second, merchant.socket = merchant.socket, former
    equal("the first connection is told Bye", merchant.closed(), (1000, "Bye"))
    merchant.socket = second
    last = merchant.text("here now")
    equal("the second goes on", merchant.frame(uuid=last)["content"], "here now")


main()
end()
