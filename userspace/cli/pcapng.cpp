// SPDX-License-Identifier: Apache-2.0
#include "cli/pcapng.h"

#include <ostream>
#include <string_view>

namespace catflap::cli {
namespace {

enum BlockType : uint32_t { kSectionHeader = 0x0a0d0d0a, kInterface = 1, kEnhancedPacket = 6 };
enum OptionCode : uint16_t { kComment = 1, kInterfaceName = 2, kPacketFlags = 2, kApplication = 4 };
constexpr uint32_t kByteOrderMagic = 0x1a2b3c4d;  // in the writer's byte order, which all other numbers have then
constexpr uint16_t kEthernet = 1;                 // LINKTYPE_ETHERNET
constexpr uint32_t kInbound = 1;
constexpr uint32_t kOutbound = 2;

// A block's body; the length goes before and behind it.
class Block {
  public:
    explicit Block(BlockType type) : type_(type) {}

    template <class Number>
    void add(Number value) {
        body_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }
    void add_padded(std::string_view bytes) {
        body_ += bytes;
        body_.append((4 - bytes.size() % 4) % 4, '\0');
    }
    void add_option(uint16_t code, std::string_view value) {
        value = value.substr(0, UINT16_MAX);
        add(code);
        add(static_cast<uint16_t>(value.size()));
        add_padded(value);
    }
    void end_options() { add(uint32_t{0}); }
    void write(std::ostream& out) const {
        const auto total = static_cast<uint32_t>(body_.size() + 12);
        const auto number = [&](uint32_t value) { out.write(reinterpret_cast<const char*>(&value), sizeof(value)); };
        number(type_);
        number(total);
        out.write(body_.data(), static_cast<std::streamsize>(body_.size()));
        number(total);
    }

  private:
    BlockType type_;
    std::string body_;
};

}  // namespace

PcapngWriter::PcapngWriter(std::ostream& out, uint32_t most_head_bytes) : out_(out), most_head_bytes_(most_head_bytes) {
    Block section(kSectionHeader);
    section.add(kByteOrderMagic);
    section.add(uint16_t{1});  // version 1.0
    section.add(uint16_t{0});
    section.add(uint64_t{UINT64_MAX});  // its length is not known
    section.add_option(kApplication, "catflap " CATFLAP_VERSION);
    section.end_options();
    section.write(out_);
    out_.flush();
}

uint32_t PcapngWriter::interface_number(const std::string& interface) {
    const auto [found, is_new] = interfaces_.try_emplace(interface, static_cast<uint32_t>(interfaces_.size()));
    if (!is_new)
        return found->second;
    Block block(kInterface);  // without if_tsresol times are microseconds
    block.add(kEthernet);
    block.add(uint16_t{0});
    block.add(most_head_bytes_);
    if (!interface.empty())
        block.add_option(kInterfaceName, interface);
    block.end_options();
    block.write(out_);
    return found->second;
}

void PcapngWriter::write(const CapturedFrame& frame) {
    const uint32_t number = interface_number(frame.interface);
    Block block(kEnhancedPacket);
    block.add(number);
    block.add(static_cast<uint32_t>(frame.unix_us >> 32));
    block.add(static_cast<uint32_t>(frame.unix_us));
    block.add(static_cast<uint32_t>(frame.head.size()));
    block.add(frame.frame_bytes);
    block.add_padded({reinterpret_cast<const char*>(frame.head.data()), frame.head.size()});
    block.add_option(kComment, frame.comment);
    const uint32_t flags = frame.outbound ? kOutbound : kInbound;
    block.add_option(kPacketFlags, {reinterpret_cast<const char*>(&flags), sizeof(flags)});
    block.end_options();
    block.write(out_);
    out_.flush();
}

}  // namespace catflap::cli
