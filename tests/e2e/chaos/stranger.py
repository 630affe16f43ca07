#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whoever is not admitted: stranger.py PORT ADDRESS...

Sends a SYN and a datagram to each address, 20 times a second, until it is killed, and waits for nothing: whether one
came through is counted where it would arrive.
"""
import socket
import sys
import time


def main():
    port, addresses = int(sys.argv[1]), sys.argv[2:]
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    connections = []
    while True:
        for address in addresses:
            connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            connection.setblocking(False)
            for attempt in (lambda: connection.connect_ex((address, port)), lambda: datagrams.sendto(b"0\n", (address, port))):
                try:
                    attempt()
                except OSError:  # no route while an interface is away
                    pass
            connections.append(connection)
        while len(connections) > 2 * len(addresses):
            connections.pop(0).close()
        time.sleep(0.05)


main()
