#include "push_bridge/push_id.h"

#include <cstddef>
#include <string_view>

#include "acl/crypto.h"

namespace duet {

std::string new_push_id() {
  constexpr std::string_view kHex = "0123456789abcdef";
  auto bytes = random_bytes(16);
  const auto octet = [&bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  bytes[6] = static_cast<char>((octet(6) & 0x0fU) | 0x40U);  // version 4
  bytes[8] = static_cast<char>((octet(8) & 0x3fU) | 0x80U);  // variant
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kHex[octet(i) >> 4U];
    text += kHex[octet(i) & 0x0fU];
  }
  return text;
}

}  // namespace duet
