#include "ws_gateway/mqtt_opening.h"

#include "acl/principal.h"
#include "protocol/names.h"

namespace duet {
namespace {

constexpr std::uint8_t kConnect = 0x10;
constexpr std::uint8_t kConnack = 0x20;
constexpr std::uint8_t kLevelOfMqtt5 = 5;
constexpr std::uint8_t kOfABridge = 0x80;    // Mosquitto takes a level with this bit too
constexpr std::uint8_t kMoreFollows = 0x80;  // in a variable byte integer
constexpr unsigned kLastShift = 21;          // such an integer has four bytes at most
constexpr std::size_t kMaxIdBytes = 128;     // no client id of the grammar is longer

}  // namespace

void ConnectReader::feed(std::string_view bytes) {
  for (const char c : bytes) {
    if (step_ == Step::end) return;
    take(static_cast<std::uint8_t>(c));
  }
}

std::string ConnectReader::client_id() const {
  const bool known = whole_ && (parse_client_id(id_) || parse_service_client_id(id_));
  return known ? id_ : "?";
}

// MQTT 3.1.1 3.1 and MQTT 5 3.1.
void ConnectReader::take(std::uint8_t byte) {
  switch (step_) {
    case Step::packet_type:
      return go_to(byte == kConnect ? Step::packet_size : Step::end);
    case Step::packet_size:
      if (byte < kMoreFollows) go_to(Step::name_size, 2);
      return;
    case Step::name_size:
      number_ = number_ << 8U | byte;
      if (--left_ == 0) go_to(Step::name_and_level, number_ + 1);
      return;
    case Step::name_and_level:
      v5_ = (byte & ~kOfABridge) == kLevelOfMqtt5;
      if (--left_ == 0) go_to(Step::flags_and_keep_alive, 3);
      return;
    case Step::flags_and_keep_alive:
      if (--left_ > 0) return;
      return v5_ ? go_to(Step::properties_size) : go_to(Step::id_size, 2);
    case Step::properties_size:
      return take_properties_size(byte);
    case Step::properties:
      if (--left_ == 0) go_to(Step::id_size, 2);
      return;
    case Step::id_size:
      number_ = number_ << 8U | byte;
      if (--left_ > 0) return;
      return number_ > 0 && number_ <= kMaxIdBytes ? go_to(Step::id, number_) : go_to(Step::end);
    case Step::id:
      id_ += static_cast<char>(byte);
      whole_ = --left_ == 0;
      if (whole_) go_to(Step::end);
      return;
    case Step::end:
      return;
  }
}

void ConnectReader::take_properties_size(std::uint8_t byte) {
  number_ |= static_cast<std::uint32_t>(byte & ~kMoreFollows) << shift_;
  if (byte >= kMoreFollows) {
    if (shift_ == kLastShift) return go_to(Step::end);
    shift_ += 7;
    return;
  }
  if (number_ > 0) return go_to(Step::properties, number_);
  go_to(Step::id_size, 2);
}

void ConnectReader::go_to(Step step, std::size_t bytes) {
  step_ = step;
  left_ = bytes;
  number_ = 0;
}

std::optional<std::uint8_t> ConnackReader::feed(std::string_view bytes) {
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    switch (step_) {
      case Step::packet_type:
        step_ = byte == kConnack ? Step::packet_size : Step::end;
        break;
      case Step::packet_size:
        if (byte < kMoreFollows) step_ = Step::flags;
        break;
      case Step::flags:
        step_ = Step::code;
        break;
      case Step::code:
        step_ = Step::end;
        return byte;
      case Step::end:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace duet
