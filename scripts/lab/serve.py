#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The server in a pod: serve.py NAME PORT/PROTOCOL...

Answers an HTTP request with NAME, any other line (TCP) or datagram (UDP) with itself and NAME, and "stats" with what
has come so far, by peer: {"tcp 10.0.0.1": 3, "udp 10.0.0.2": 5}; of TCP, that is connections.
Goes into the background as soon as it listens.
"""
import json
import os
import selectors
import socket
import sys

SO_RCVBUFFORCE = 33  # the socket module has no name for it
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


class Server:
    def __init__(self, name):
        self.name = name
        self.selector = selectors.DefaultSelector()
        self.received = {}

    def listen(self, port, protocol):
        sock = socket.socket(socket.AF_INET6, KINDS[protocol])
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        sock.bind(("::", port))
        sock.setblocking(False)
        if protocol == "tcp":
            sock.listen(4096)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        self.selector.register(sock, selectors.EVENT_READ, self.accept if protocol == "tcp" else self.datagrams)

    def count(self, protocol, peer):
        key = f"{protocol} {peer[0].removeprefix('::ffff:')}"
        self.received[key] = self.received.get(key, 0) + 1

    def answer(self, text):
        if text == b"stats":
            return json.dumps(self.received).encode() + b"\n"
        return text + b" " + self.name.encode() + b"\n"

    def accept(self, listener):
        connection, peer = listener.accept()
        self.count("tcp", peer)
        connection.setblocking(False)
        pending = bytearray()
        self.selector.register(connection, selectors.EVENT_READ, lambda sock: self.stream(sock, pending))

    def stream(self, sock, pending):
        data = sock.recv(65536)
        pending += data
        if pending.startswith(b"GET "):
            done = b"\r\n\r\n" in pending
            if done:
                body = self.name.encode() + b"\n"
                sock.send(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        else:
            done = False
            *lines, rest = bytes(pending).split(b"\n")
            pending[:] = rest
            for line in lines:
                sock.send(self.answer(line))
        if done or not data:
            self.close(sock)

    def close(self, sock):
        self.selector.unregister(sock)
        sock.close()

    def datagrams(self, sock):
        while True:
            data, control, _, peer = sock.recvmsg(65536, socket.CMSG_SPACE(20))
            self.count("udp", peer)
            address = control[0][2][:16]  # answer from the address that was asked; 0: by whichever interface
            source = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, address + bytes(4))
            sock.sendmsg([self.answer(data.rstrip())], [source], 0, peer)

    def run(self):
        while True:
            for key, _ in self.selector.select():
                try:
                    key.data(key.fileobj)
                except BlockingIOError:
                    pass
                except OSError:  # reset by the peer
                    if key.data not in (self.accept, self.datagrams):
                        self.close(key.fileobj)


def background():
    """The caller goes on; the child has let go of its terminal and pipes."""
    if os.fork():
        os._exit(0)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)


def main():
    name, *ports = sys.argv[1:]
    server = Server(name)
    for text in ports:
        port, _, protocol = text.partition("/")
        server.listen(int(port), protocol or "tcp")
    background()
    server.run()


main()
