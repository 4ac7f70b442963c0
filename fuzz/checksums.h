// fuzz/checksums.h: makes checksums right, so that the fuzzer gets behind them.
#pragma once

#include <string>

namespace duet::fuzz {

// Sums every record of protocol/frame.h from `offset` on, each where the size of the one before says; the
// last is summed as far as it goes.
void sum_records(std::string& bytes, std::size_t offset);

// Sums the header of journal/segment.h at the start; nothing when there is none.
void sum_segment_header(std::string& bytes);

}  // namespace duet::fuzz
