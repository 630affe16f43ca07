#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Steady traffic, every request accounted for: blast.py udp|tcp|stream ADDRESS PORT REQUESTS_PER_SECOND

udp     datagrams, from a fresh port every 20 requests: each asks for its own number and must be answered with it
tcp     a connection for each request; one that is not answered within GIVE_UP_S is closed
stream  one connection for all of them

Goes on until SIGTERM, waits for what is outstanding, and prints
{"sent": 100, "answered": 99, "lost": 1, "retransmitted": 0}. A TCP segment that was lost on the way is sent again and
so shows in no answer; `retransmitted` counts these.
"""
import errno
import json
import selectors
import signal
import socket
import struct
import sys
import time

SO_RCVBUFFORCE = 33  # the socket module has no name for it
FRESH_PORT_EVERY = 20
LINGER_S = 2.0  # for the last answers
GIVE_UP_S = 2.0
TOTAL_RETRANS_OFFSET = 100  # of tcpi_total_retrans in struct tcp_info


class Blaster:
    def __init__(self, mode, address, port, rate):
        self.mode, self.rate = mode, float(rate)
        self.peer = (address, int(port))
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.selector = selectors.DefaultSelector()
        self.result = {"sent": 0, "answered": 0, "lost": 0, "retransmitted": 0}
        self.outstanding = {}  # socket -> numbers not yet answered
        self.opened = []  # sockets, oldest first
        self.used = {}  # socket -> when something was last sent on it
        self.stop = False

    def open(self):
        sock = socket.socket(self.family, socket.SOCK_DGRAM if self.mode == "udp" else socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
        sock.setblocking(self.mode == "stream")
        failure = sock.connect_ex(self.peer)
        if failure not in (0, errno.EINPROGRESS):
            sys.exit(f"blast: connect: {errno.errorcode[failure]}")
        sock.setblocking(False)
        waits_for = selectors.EVENT_WRITE if self.mode == "tcp" else selectors.EVENT_READ
        self.selector.register(sock, waits_for, bytearray())
        self.outstanding[sock] = set()
        self.opened.append(sock)
        self.used[sock] = time.monotonic()
        return sock

    def close(self, sock):
        if self.mode != "udp":
            info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
            self.result["retransmitted"] += struct.unpack_from("I", info, TOTAL_RETRANS_OFFSET)[0]
        self.result["lost"] += len(self.outstanding.pop(sock))
        del self.used[sock]
        self.selector.unregister(sock)
        sock.close()

    def request(self, number):
        sock = self.opened[-1] if self.opened else None
        if self.mode == "tcp" or sock not in self.outstanding or (self.mode == "udp" and number % FRESH_PORT_EVERY == 0):
            sock = self.open()
        self.outstanding[sock].add(number)
        self.result["sent"] += 1
        if self.mode != "tcp":  # tcp: as soon as it is connected
            self.send(sock, number)

    def send(self, sock, number):
        self.used[sock] = time.monotonic()
        try:
            sock.send(b"%d\n" % number)
        except OSError:  # it stays outstanding, and so is lost
            pass

    def ready(self, key):
        sock, pending = key.fileobj, key.data
        try:
            if key.events == selectors.EVENT_WRITE:
                self.selector.modify(sock, selectors.EVENT_READ, pending)
                self.send(sock, *self.outstanding[sock])
                return
            while data := sock.recv(65536):
                pending += data
        except BlockingIOError:
            pass
        except OSError:  # refused or reset
            self.close(sock)
            return
        self.take(sock, pending)
        if self.mode == "tcp" and not self.outstanding[sock]:
            self.close(sock)

    def take(self, sock, pending):
        """An answer is a line: the number, then the server's name."""
        *lines, rest = bytes(pending).split(b"\n")
        pending[:] = rest
        for number in (int(line.split()[0]) for line in lines):
            if number in self.outstanding[sock]:
                self.outstanding[sock].remove(number)
                self.result["answered"] += 1

    def wait(self, until):
        """Reads at least once, also when it is late: whoever stood still has answers to catch up with."""
        while True:
            now = time.monotonic()
            for key, _ in self.selector.select(max(until - now, 0)):
                self.ready(key)
            self.tidy(now - GIVE_UP_S)
            if time.monotonic() >= until:
                return

    def tidy(self, older_than):
        """older_than: before the last reading, so that what has come in a standstill is not taken for lost."""
        while self.opened and self.mode != "stream":
            sock = self.opened[0]
            if sock in self.outstanding:
                if self.used[sock] >= older_than:
                    return
                self.close(sock)
            self.opened.pop(0)

    def run(self):
        start = time.monotonic()
        number = 0
        while not self.stop:
            self.request(number)
            number += 1
            self.wait(start + number / self.rate)
        end = time.monotonic() + LINGER_S
        while any(self.outstanding.values()):
            self.wait(min(end, time.monotonic() + 0.05))
            if time.monotonic() >= end:
                break
        for sock in list(self.outstanding):
            self.close(sock)
        print(json.dumps(self.result))


def main():
    blaster = Blaster(*sys.argv[1:])

    def stop(*_):
        blaster.stop = True

    signal.signal(signal.SIGTERM, stop)
    blaster.run()


main()
