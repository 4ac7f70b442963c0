// service/histogram.h: durations counted in log-linear buckets, after the idea of HdrHistogram.
//
// Fixed size, no allocation after construction; not synchronised.
#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace duet {

// Every octave has 128 buckets, so that a reported value is at most 0.8 % above the recorded one. Below 256
// ns it is exact. Negative durations count as 0.
class Histogram {
 public:
  Histogram() : counts_(kBuckets) {}

  void record(std::chrono::nanoseconds duration) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
    ++counts_[bucket_of(value)];
    ++count_;
    max_ = std::max(max_, value);
  }

  void add(const Histogram& other) {
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) counts_[bucket] += other.counts_[bucket];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
  }

  friend bool operator==(const Histogram&, const Histogram&) = default;

  std::uint64_t count() const { return count_; }
  std::chrono::nanoseconds max() const { return nanoseconds(max_); }

  // The smallest duration that at least `percent` of the recorded ones do not exceed (nearest rank), rounded
  // up to the end of its bucket; 0 when nothing was recorded. 0 < percent <= 100.
  std::chrono::nanoseconds percentile(double percent) const {
    const auto rank = static_cast<std::uint64_t>(std::ceil(percent / 100.0 * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
      seen += counts_[bucket];
      if (seen >= rank && seen > 0) return nanoseconds(std::min(last_of(bucket), max_));
    }
    return std::chrono::nanoseconds(0);
  }

 private:
  static constexpr unsigned kOctaveBits = 7;
  static constexpr std::size_t kPerOctave = std::size_t{1} << kOctaveBits;
  // Values have at most 63 bits: the last octave is shifted by 63 - 1 - 7 = 55.
  static constexpr std::size_t kBuckets = (55 + 2) * kPerOctave;

  static std::chrono::nanoseconds nanoseconds(std::uint64_t value) {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(value));
  }

  static std::size_t bucket_of(std::uint64_t value) {
    if (value < 2 * kPerOctave) return value;
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kOctaveBits;
    return shift * kPerOctave + (value >> shift);
  }

  static std::uint64_t last_of(std::size_t bucket) {
    if (bucket < 2 * kPerOctave) return bucket;
    const std::size_t shift = bucket / kPerOctave - 1;
    return ((bucket - shift * kPerOctave + 1) << shift) - 1;
  }

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace duet
