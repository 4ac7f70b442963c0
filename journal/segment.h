// journal/segment.h: one file of the journal.
//
//   <first, 20 digits>.seg
//   header   "DUJ" 1 | u32 0 | node (16 bytes) | u64 first | u64 previous | u32 0 | u32 checksum of the 44
//   bytes records  as in protocol/frame.h, numbered first, first + 1, … without holes
//
// Numbers are little-endian, the checksum is CRC-32. `previous` is the last record before this segment; it
// is less than first - 1 where the journal jumped. On disk: must not change.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "file_io/file.h"
#include "protocol/frame.h"

namespace duet {

struct SegmentHeader {
  NodeId node;
  RecordNumber first;
  RecordNumber previous;
};

inline constexpr std::size_t kSegmentHeaderBytes = 48;

std::string encode_segment_header(const SegmentHeader& header);
// Returns nullopt unless `bytes` start with a whole header.
std::optional<SegmentHeader> decode_segment_header(std::string_view bytes);

std::string segment_file_name(RecordNumber first);
std::optional<RecordNumber> parse_segment_file_name(std::string_view name);
// The first numbers of the segments in the directory, ascending. Throws std::filesystem::filesystem_error.
std::vector<RecordNumber> list_segments(const std::filesystem::path& directory);

// What the journal remembers of a segment that was scanned or written.
struct Segment {
  std::filesystem::path path;
  RecordNumber first;
  RecordNumber previous;
  RecordNumber last;  // of its records; `previous` when it has none
  std::size_t bytes;  // of header and whole records

  bool empty() const { return last < first; }
};

// Where a segment stops to be whole records.
struct SegmentDamage {
  std::size_t offset;
  DecodeError error;
  bool whole_record_follows;  // then it is no torn tail: something in the middle was altered
};

struct SegmentScan {
  Segment segment;
  std::optional<SegmentDamage> damage;
};

// Reads the whole file and checks every record. Returns nullopt when there is no header of `node` and
// `first`.
std::optional<SegmentScan> scan_segment(const std::filesystem::path& path, const NodeId& node,
                                        RecordNumber first);

// Whether any record stands in the file, header or not: a segment that was torn when it was made has none.
bool holds_any_record(const std::filesystem::path& path);

}  // namespace duet
