#include "bench/arrival.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "mqtt_codec/mqtt_codec.h"

namespace duet {
namespace {

constexpr std::size_t kPairDigits = 6;
constexpr std::size_t kNumberDigits = PublishTemplate::kDigits;

const char* find(std::string_view text, std::string_view what) {
  return static_cast<const char*>(::memmem(text.data(), text.size(), what.data(), what.size()));
}

}  // namespace

std::string message_marker(std::string_view run) {
  return std::string(run) + ".";
}

std::string message_id_prefix(std::string_view marker, std::size_t pair) {
  const std::string digits = std::to_string(pair);
  return std::string(marker) + std::string(kPairDigits - std::min(kPairDigits, digits.size()), '0') + digits +
         ".";
}

std::optional<MessageNumber> find_number(std::string_view payload, std::string_view marker) {
  const char* const at = find(payload, marker);
  if (at == nullptr) return std::nullopt;
  const char* const end = payload.data() + payload.size();
  if (static_cast<std::size_t>(end - at) < marker.size() + kPairDigits + 1 + kNumberDigits)
    return std::nullopt;
  const char* const pair = at + marker.size();
  const char* const number = pair + kPairDigits + 1;
  MessageNumber found{};
  const auto pair_end = std::from_chars(pair, pair + kPairDigits, found.pair).ptr;
  const auto number_end = std::from_chars(number, number + kNumberDigits, found.number).ptr;
  if (pair_end != pair + kPairDigits || number_end != number + kNumberDigits) return std::nullopt;
  return found;
}

std::uint64_t find_seq(std::string_view envelope) {
  constexpr std::string_view kMember = "\"seq\":";
  std::uint64_t seq = 0;
  if (const char* const at = find(envelope, kMember)) {
    std::from_chars(at + kMember.size(), envelope.data() + envelope.size(), seq);
  }
  return seq;
}

std::uint64_t Stream::take(std::uint64_t number, Faults& faults) {
  if (number < next_) {
    ++faults.repeated;
    return 0;
  }
  const std::uint64_t skipped = number - next_;
  faults.missing += skipped;
  next_ = number + 1;
  return skipped + 1;
}

void Stream::take_seq(std::uint64_t seq, Faults& faults) {
  if (seq != last_seq_ + 1) ++faults.misnumbered;
  last_seq_ = seq;
}

}  // namespace duet
