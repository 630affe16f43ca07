#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts connections into nf_conntrack of this network namespace, by netlink: as TCP, established, from 11.0.0.0 and up.

connections.py SERVER PORT COUNT
"""
import socket
import struct
import sys

CT_NEW = 1 << 8  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW
REQUEST, ACK, EXCL, CREATE = 1, 4, 0x200, 0x400
NESTED = 0x8000
SEEN_REPLY_ASSURED_CONFIRMED = 2 | 4 | 8
ESTABLISHED = 3


def attribute(kind, payload):
    return struct.pack("=HH", 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def tuple_of(kind, source, destination, source_port, destination_port):
    addresses = attribute(1, source) + attribute(2, destination)
    ports = struct.pack(">H", source_port), struct.pack(">H", destination_port)
    protocol = attribute(1, b"\x06") + attribute(2, ports[0]) + attribute(3, ports[1])
    return attribute(kind | NESTED, attribute(1 | NESTED, addresses) + attribute(2 | NESTED, protocol))


def message(client, client_port, server, port, sequence, flags):
    tcp = attribute(1 | NESTED, attribute(1, bytes([ESTABLISHED])))
    body = struct.pack("=BBH", socket.AF_INET, 0, 0)
    body += tuple_of(1, client, server, client_port, port)
    body += tuple_of(2, server, client, port, client_port)
    body += attribute(3, struct.pack(">I", SEEN_REPLY_ASSURED_CONFIRMED))
    body += attribute(4 | NESTED, tcp)
    body += attribute(7, struct.pack(">I", 3600))
    return struct.pack("=IHHII", 16 + len(body), CT_NEW, flags, sequence, 0) + body


def main():
    server, port, count = socket.inet_aton(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)  # NETLINK_NETFILTER
    for number in range(count):
        client = struct.pack(">I", 0x0B000000 + number)
        flags = REQUEST | ACK | EXCL | CREATE
        netlink.send(message(client, 1024 + number % 60000, server, port, number, flags))
        error = struct.unpack_from("=i", netlink.recv(4096), 16)[0]
        if error:
            sys.exit(f"connection {number}: error {-error}")


main()
