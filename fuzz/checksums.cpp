#include "fuzz/checksums.h"

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace duet::fuzz {
namespace {

constexpr std::size_t kNumberBytes = 4;
constexpr std::size_t kRecordStart = 2 * kNumberBytes;  // size and checksum
constexpr std::size_t kSegmentHeader = 48;

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < kNumberBytes; ++i) {
    value |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  }
  return value;
}

void put_sum(std::string& bytes, std::size_t at, std::string_view summed) {
  const auto sum = crc32_z(0, reinterpret_cast<const unsigned char*>(summed.data()), summed.size());
  for (std::size_t i = 0; i < kNumberBytes; ++i) bytes[at + i] = static_cast<char>(sum >> (8 * i));
}

}  // namespace

void sum_records(std::string& bytes, std::size_t offset) {
  while (bytes.size() >= offset + kRecordStart) {
    const auto start = offset + kRecordStart;
    const auto size = std::min<std::size_t>(number_at(bytes, offset), bytes.size() - start);
    put_sum(bytes, offset + kNumberBytes, std::string_view(bytes).substr(start, size));
    offset = start + size;
  }
}

void sum_segment_header(std::string& bytes) {
  if (bytes.size() < kSegmentHeader) return;
  const auto at = kSegmentHeader - kNumberBytes;
  put_sum(bytes, at, std::string_view(bytes).substr(0, at));
}

}  // namespace duet::fuzz
