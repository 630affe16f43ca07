#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes into catflap's pinned maps and links past the agent, as a mistake of an operator would.

Usage: damage.py PIN_DIR ACTION...
  interface IFINDEX close|other       its word of the directory: gone, or another config
  interface IFINDEX as OTHER          the word of OTHER, for an interface that has none
  config IFINDEX                      both directions open
  table IFINDEX rows|columns|cells    every 4-byte word of the first page of its to_pod table changed
  port PORT                           TCP: of port class 0
  address ADDRESS delete|class0       its entry in ipv4_addresses or ipv6_addresses
  address ADDRESS copy OTHER          an entry for ADDRESS with the class of OTHER, in the bucket of OTHER
  prefix ADDRESS/LENGTH delete|CLASS  in cidrs
  exchange IFINDEX from_pod|to_pod    another program in our link
  in-front IFINDEX PATH               another program before ours at from_pod, its link pinned at PATH
"""
import ctypes
import ipaddress
import platform
import struct
import sys

SYSCALL = {"x86_64": 321, "aarch64": 280}[platform.machine()]
LOOKUP, UPDATE, DELETE, PROG_LOAD, OBJ_PIN, OBJ_GET, LINK_CREATE, LINK_UPDATE = 1, 2, 3, 5, 6, 7, 28, 29
CONFIGS = 16384
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attribute, may_fail=False):
    buffer = ctypes.create_string_buffer(attribute.ljust(144, b"\0"), 144)
    result = libc.syscall(SYSCALL, command, buffer, 144)
    if result < 0 and not may_fail:
        sys.exit(f"damage.py: bpf command {command}: errno {ctypes.get_errno()}")
    return result


def address_of(data):
    return ctypes.addressof(data)


def open_pin(path):
    name = ctypes.create_string_buffer(path.encode())
    return bpf(OBJ_GET, struct.pack("<QII", address_of(name), 0, 0))


class Map:
    def __init__(self, path, value_bytes):
        self.fd = open_pin(path)
        self.value_bytes = value_bytes

    def call(self, command, key, value=b"", may_fail=False):
        keys = ctypes.create_string_buffer(key, len(key))
        values = ctypes.create_string_buffer(value, max(len(value), self.value_bytes))
        result = bpf(command, struct.pack("<IIQQQ", self.fd, 0, address_of(keys),
                                        0 if command == DELETE else address_of(values), 0), may_fail)
        return values.raw if result >= 0 else None

    def read(self, key):
        return self.call(LOOKUP, key)

    def write(self, key, value):
        self.call(UPDATE, key, value)


def number(value):
    return struct.pack("<I", value)


def mapped(text):
    address = ipaddress.ip_address(text)
    return address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed


class Damage:
    def __init__(self, pin_dir):
        self.pin_dir = pin_dir

    def map(self, name, value_bytes):
        return Map(f"{self.pin_dir}/state/{name}", value_bytes)

    def slot(self, ifindex):
        interfaces = self.map("interfaces", 8)
        for probe in range(8):
            slot = ((ifindex * 0x9E3779B1 & 0xFFFFFFFF) >> 16) + probe & 0xFFFF
            if struct.unpack("<II", interfaces.read(number(slot)))[0] in (ifindex, 0):
                return interfaces, slot
        sys.exit("damage.py: no slot")

    def config_of(self, ifindex):
        interfaces, slot = self.slot(ifindex)
        return struct.unpack("<II", interfaces.read(number(slot)))[1] % CONFIGS

    def interface(self, ifindex, what, other=None):
        ifindex = int(ifindex)
        interfaces, slot = self.slot(ifindex)
        config = self.config_of(int(other) if other else ifindex) + (what == "other")
        interfaces.write(number(slot), bytes(8) if what == "close" else struct.pack("<II", ifindex, config))

    def config(self, ifindex):
        configs, key = self.map("endpoint_configs", 128), number(self.config_of(int(ifindex)))
        value = bytearray(configs.read(key))
        for direction in range(2):
            value[48 + 32 * direction + 28] = 1
        configs.write(key, bytes(value))

    def table(self, ifindex, array):
        config = self.map("endpoint_configs", 128).read(number(self.config_of(int(ifindex))))
        page = number(struct.unpack_from("<III", config, 48 + 32)[["rows", "columns", "cells"].index(array)])
        pages = self.map("table_pages", 4096)
        words = struct.unpack("<1024I", pages.read(page))
        bits = 0x80000000 if array == "cells" else 0x00010001
        pages.write(page, struct.pack("<1024I", *(word ^ bits for word in words)))

    def port(self, port):
        pages, page = self.map("port_pages", 4096), number(int(port) // 2048)
        value = bytearray(pages.read(page))
        struct.pack_into("<H", value, int(port) % 2048 * 2, 0)
        pages.write(page, bytes(value))

    def find(self, text):
        is_ipv4 = ":" not in text
        buckets = self.map("ipv4_addresses", 64) if is_ipv4 else self.map("ipv6_addresses", 192)
        wanted = mapped(text)
        for bucket in range(65536):
            value = buckets.read(number(bucket))
            for slot in range(8):
                entry = struct.unpack_from("<Q", value, 8 * slot)[0]
                there = (number(entry & 0xFFFFFFFF) if is_ipv4 else value[64 + 16 * slot : 80 + 16 * slot])
                if entry >> 32 and there == (wanted[12:] if is_ipv4 else wanted):
                    return buckets, number(bucket), bytearray(value), slot
        sys.exit(f"damage.py: {text} is in no bucket")

    def address(self, text, what, other=None):
        buckets, bucket, value, slot = self.find(other or text)
        entry = struct.unpack_from("<Q", value, 8 * slot)[0]
        if what == "copy":
            entry = entry >> 32 << 32 | struct.unpack("<I", mapped(text)[12:])[0]
            slot = 7
        else:
            entry = 0 if what == "delete" else 1 << 32 | entry & 0xFFFFFFFF
        struct.pack_into("<Q", value, 8 * slot, entry)
        buckets.write(bucket, bytes(value))

    def prefix(self, text, what):
        network = ipaddress.ip_network(text)
        length = network.prefixlen + (96 if network.version == 4 else 0)
        key = number(length) + mapped(str(network.network_address))
        cidrs = self.map("cidrs", 4)
        if what == "delete":
            cidrs.call(DELETE, key)
        else:
            cidrs.write(key, number(int(what)))

    @staticmethod
    def program():
        # r0 = TC_ACT_OK; exit
        code = ctypes.create_string_buffer(bytes([0xB7]) + bytes(7) + bytes([0x95]) + bytes(7), 16)
        licence = ctypes.create_string_buffer(b"GPL")
        return bpf(PROG_LOAD, struct.pack("<IIQQ", 3, 2, address_of(code), address_of(licence)))

    def exchange(self, ifindex, hook):
        link = open_pin(f"{self.pin_dir}/links/{ifindex}-{hook}")
        bpf(LINK_UPDATE, struct.pack("<IIII", link, self.program(), 0, 0))

    def in_front(self, ifindex, path):
        ingress, before = 46, 8
        link = bpf(LINK_CREATE, struct.pack("<IIII", self.program(), int(ifindex), ingress, before))
        name = ctypes.create_string_buffer(path.encode())
        bpf(OBJ_PIN, struct.pack("<QII", address_of(name), link, 0))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    getattr(Damage(sys.argv[1]), sys.argv[2].replace("-", "_"))(*sys.argv[3:])
