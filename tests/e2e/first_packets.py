#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Datagrams from the first instant in which the kernel takes them: first_packets.py send|receive ...

send ADDRESS PORT...     (pairs) to each of them in turn, without end; started before there is a route
receive PORT SECONDS     prints {"received": 3, "firstMs": 1.2}: datagrams, and how long after the sender's kernel took
                         its first one the first of them came; null: none did
"""
import json
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
    end = time.monotonic() + seconds
    received, first_ms = 0, None
    while (left := end - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            taken_at, = struct.unpack("d", sock.recv(64))
        except socket.timeout:
            break
        received += 1
        if first_ms is None:
            first_ms = round((time.monotonic() - taken_at) * 1000, 2)
    print(json.dumps({"received": received, "firstMs": first_ms}))


if sys.argv[1] == "send":
    send([(sys.argv[i], int(sys.argv[i + 1])) for i in range(2, len(sys.argv), 2)])
else:
    receive(int(sys.argv[2]), float(sys.argv[3]))
