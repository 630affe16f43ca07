#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""More new flows than the node has entries for, two packets each: flood.py ADDRESS FLOWS"""
import socket
import sys
import time

PORTS = range(1024, 65536)


def main():
    address, flows = sys.argv[1], int(sys.argv[2])
    sent = 0
    while sent < flows:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # with a source port of its own
        for port in PORTS[: flows - sent]:
            for _ in range(2):
                try:
                    sock.sendto(b"0\n", (address, port))
                except OSError:  # an answer "port unreachable" to an earlier one, or a full queue
                    pass
            sent += 1
            if sent % 500 == 0:
                time.sleep(0.002)  # others share this processor
        sock.close()


main()
