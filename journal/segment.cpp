#include "journal/segment.h"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace duet {
namespace {

constexpr std::string_view kMagic("DUJ\1", 4);
constexpr std::string_view kExtension = ".seg";
constexpr std::size_t kNameDigits = 20;
constexpr std::size_t kSummedBytes = kSegmentHeaderBytes - 4;

template <typename Number>
void put(std::string& out, Number value) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) out += static_cast<char>(value >> (8 * i));
}

template <typename Number>
Number number_at(std::string_view bytes, std::size_t at) {
  Number value = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    value = static_cast<Number>(value | Number{static_cast<unsigned char>(bytes[at + i])} << (8 * i));
  }
  return value;
}

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

// Whether a record numbered above `last` stands anywhere in `rest`. A payload cannot hold a copy of one: the
// high bytes of its number are NUL, which no JSON text contains.
bool holds_record(std::string_view rest, RecordNumber last) {
  constexpr std::size_t kNumberOffset = kRecordHeaderBytes;
  while (rest.size() >= kNumberOffset + sizeof(RecordNumber)) {
    const auto n = number_at<RecordNumber>(rest, kNumberOffset);
    if (n > last && n <= kMaxSeq && scan_record(rest)) return true;
    rest.remove_prefix(1);
  }
  return false;
}

}  // namespace

std::string encode_segment_header(const SegmentHeader& header) {
  std::string out(kMagic);
  put<std::uint32_t>(out, 0);
  out += header.node.str();
  put<std::uint64_t>(out, header.first);
  put<std::uint64_t>(out, header.previous);
  put<std::uint32_t>(out, 0);
  put<std::uint32_t>(out, checksum(out));
  return out;
}

std::optional<SegmentHeader> decode_segment_header(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderBytes || !bytes.starts_with(kMagic)) return std::nullopt;
  if (checksum(bytes.substr(0, kSummedBytes)) != number_at<std::uint32_t>(bytes, kSummedBytes)) {
    return std::nullopt;
  }
  auto node = NodeId::parse(bytes.substr(8, kNodeIdBytes));
  if (!node) return std::nullopt;
  return SegmentHeader{*std::move(node), number_at<std::uint64_t>(bytes, 24),
                       number_at<std::uint64_t>(bytes, 32)};
}

std::string segment_file_name(RecordNumber first) {
  const auto digits = std::to_string(first);
  return std::string(kNameDigits - digits.size(), '0').append(digits).append(kExtension);
}

std::optional<RecordNumber> parse_segment_file_name(std::string_view name) {
  if (name.size() != kNameDigits + kExtension.size() || !name.ends_with(kExtension)) return std::nullopt;
  RecordNumber first = 0;
  const auto* end = name.data() + kNameDigits;
  const auto [stop, error] = std::from_chars(name.data(), end, first);
  if (error != std::errc() || stop != end) return std::nullopt;
  return first;
}

std::vector<RecordNumber> list_segments(const std::filesystem::path& directory) {
  std::vector<RecordNumber> found;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (const auto first = parse_segment_file_name(entry.path().filename().string())) found.push_back(*first);
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::optional<SegmentScan> scan_segment(const std::filesystem::path& path, const NodeId& node,
                                        RecordNumber first) {
  const std::string bytes = read_file(path);
  const auto header = decode_segment_header(bytes);
  if (!header || header->node != node || header->first != first || header->previous >= first) {
    return std::nullopt;
  }
  SegmentScan scan{{path, first, header->previous, header->previous, kSegmentHeaderBytes}, std::nullopt};
  auto rest = std::string_view(bytes).substr(kSegmentHeaderBytes);
  RecordNumber expected = first;
  while (!rest.empty()) {
    const auto place = scan_record(rest);
    if (!place || place->n != expected) {
      const auto error = place ? DecodeError::bad_content : place.error();
      scan.damage = SegmentDamage{scan.segment.bytes, error, place || holds_record(rest, expected - 1)};
      return scan;
    }
    scan.segment.last = expected++;
    scan.segment.bytes += place->bytes;
    rest.remove_prefix(place->bytes);
  }
  return scan;
}

bool holds_any_record(const std::filesystem::path& path) {
  return holds_record(read_file(path), 0);
}

}  // namespace duet
