"""Python's `websocket-client`: a flood read with json.loads. Prints nanoseconds a message."""

import json
import os
import sys
import time

import websocket

server, order, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
socket = websocket.create_connection(f'ws://{server}/{order}/im')
for text in os.environ['CHAT_OPENING'].split('\n'):
    socket.send(text)
    socket.recv()
json.loads(socket.recv())
count -= 1
started = time.perf_counter_ns()
for _ in range(count):
    assert 'data' in json.loads(socket.recv())
print((time.perf_counter_ns() - started) / count)
socket.close()
