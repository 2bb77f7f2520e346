"""Python's `websockets`: ping-pong, or a flood read with json.loads. Prints nanoseconds a message."""

import asyncio
import json
import os
import sys
import time

import websockets


async def main():
    server, order, count, work = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    async with websockets.connect(f'ws://{server}/{order}/im') as socket:
        for text in os.environ['CHAT_OPENING'].split('\n'):
            await socket.send(text)
            await socket.recv()
        if work == 'ping-pong':
            text = os.environ['CHAT_PUB']
            for _ in range(int(os.environ['CHAT_WARM_UP'])):
                await socket.send(text)
                await socket.recv()
            started = time.perf_counter_ns()
            for _ in range(count):
                await socket.send(text)
                await socket.recv()
        else:
            json.loads(await socket.recv())
            count -= 1
            started = time.perf_counter_ns()
            for _ in range(count):
                assert 'data' in json.loads(await socket.recv())
        print((time.perf_counter_ns() - started) / count)


asyncio.run(main())
