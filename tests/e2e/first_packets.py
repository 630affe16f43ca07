#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Datagrams from the first instant in which the kernel takes them: first_packets.py send|receive ...

send ADDRESS PORT...     (pairs) to each of them in turn, without end; started before there is a route
receive PORT SECONDS     until SIGTERM, or until so long after the first one; then prints
                         {"received": 3, "firstMs": 1.2}: datagrams, and how long after the sender's kernel took its
                         first one the first of them came; null: none did
"""
import json
import signal
import socket
import struct
import sys
import time

PAUSE_S = 0.0002


def send(targets):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    taken_at = None
    while True:
        for target in targets:
            now = time.monotonic()
            try:
                sock.sendto(struct.pack("d", taken_at or now), target)
                taken_at = taken_at or now
            except OSError:  # no route yet
                pass
        time.sleep(PAUSE_S)


def receive(port, seconds):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", port))
    print("listening", file=sys.stderr, flush=True)
    result = {"received": 0, "firstMs": None}

    def end(*_):
        print(json.dumps(result), flush=True)
        sys.exit()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGALRM, end)
    while True:
        taken_at, = struct.unpack("d", sock.recv(64))
        result["received"] += 1
        if result["firstMs"] is None:
            result["firstMs"] = round((time.monotonic() - taken_at) * 1000, 2)
            signal.setitimer(signal.ITIMER_REAL, seconds)


if sys.argv[1] == "send":
    send([(sys.argv[i], int(sys.argv[i + 1])) for i in range(2, len(sys.argv), 2)])
else:
    receive(int(sys.argv[2]), float(sys.argv[3]))
