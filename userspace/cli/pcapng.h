// SPDX-License-Identifier: Apache-2.0
// Frames with comments as a pcapng file, which Wireshark and tshark read: draft-ietf-opsawg-pcapng, the four kinds of
// blocks that this needs. libpcap reads the format and cannot write it, and Wireshark's own library is not for others.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

namespace catflap::cli {

struct CapturedFrame {
    std::string interface;
    bool outbound = false;      // as the interface sees it
    uint64_t unix_us = 0;       // microseconds since 1970
    std::vector<uint8_t> head;  // from the Ethernet header on
    uint32_t frame_bytes = 0;   // length of the whole frame
    std::string comment;        // UTF-8
};

class PcapngWriter {
  public:
    // Writes the file's header.
    PcapngWriter(std::ostream& out, uint32_t most_head_bytes);
    // Whole blocks, flushed: a file that was cut off at any frame can be read.
    void write(const CapturedFrame& frame);

  private:
    uint32_t interface_number(const std::string& interface);

    std::ostream& out_;
    uint32_t most_head_bytes_;
    std::map<std::string, uint32_t> interfaces_;
};

}  // namespace catflap::cli
