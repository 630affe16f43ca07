#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whoever is admitted: friend.py ADDRESS PORT DIRECTORY

Asks three ways at once until SIGTERM: on one TCP connection that is never given up, with a new TCP connection each time,
and by UDP datagrams. TCP may send again what was lost; otherwise every request must be answered, and no connection reset.
DIRECTORY/progress has the numbers of answers, DIRECTORY/failures a line for each request that failed. While
DIRECTORY/excused exists, failures are not written down.
"""
import json
import os
import signal
import socket
import sys
import threading
import time

PATIENCE_S = {"stream": 60, "connection": 60, "datagram": 5}
PAUSE_S = {"stream": 0.02, "connection": 0.1, "datagram": 0.02}


class Friend:
    def __init__(self, address, port, directory):
        self.peer = (address, int(port))
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.directory = directory
        self.answers = dict.fromkeys(PAUSE_S, 0)
        self.stop = threading.Event()
        self.lock = threading.Lock()

    def is_excused(self):
        return os.path.exists(f"{self.directory}/excused")

    def connect(self, kind):
        sock = socket.socket(self.family, socket.SOCK_DGRAM if kind == "datagram" else socket.SOCK_STREAM)
        sock.settimeout(PATIENCE_S[kind])
        sock.connect(self.peer)
        return sock

    @staticmethod
    def ask(sock, number):
        sock.sendall(b"%d\n" % number)
        answer = b""
        while not answer.endswith(b"\n"):
            if not (part := sock.recv(4096)):
                raise ConnectionError("closed by the server")
            answer += part
        if int(answer.split()[0]) != number:
            raise ConnectionError(f"another answer: {answer!r}")

    def run(self, kind):
        sock, number = None, 0
        while not self.stop.is_set():
            excused, began = self.is_excused(), time.time()
            number += 1
            try:
                sock = sock or self.connect(kind)
                self.ask(sock, number)
                self.answers[kind] += 1
            except OSError as error:
                if not excused and not self.is_excused() and not self.stop.is_set():
                    self.failed(kind, number, began, error)
                sock = self.close(sock)
            if kind == "connection":
                sock = self.close(sock)
            self.stop.wait(PAUSE_S[kind])

    @staticmethod
    def close(sock):
        if sock:
            sock.close()

    def failed(self, kind, number, began, error):
        clock = time.strftime("%H:%M:%S", time.localtime(began))
        with self.lock, open(f"{self.directory}/failures", "a", encoding="utf-8") as file:
            file.write(f"{clock} {kind} {number}: {error or type(error).__name__}\n")

    def report(self):
        with open(f"{self.directory}/progress.new", "w", encoding="utf-8") as file:
            json.dump(self.answers, file)
        os.rename(f"{self.directory}/progress.new", f"{self.directory}/progress")


def main():
    friend = Friend(*sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: friend.stop.set())
    for kind in PAUSE_S:
        threading.Thread(target=friend.run, args=(kind,), daemon=True).start()
    while not friend.stop.wait(0.1):
        friend.report()


main()
