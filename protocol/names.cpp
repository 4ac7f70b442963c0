#include "protocol/names.h"

#include <cassert>

namespace duet {
namespace {

bool alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool dot_underscore_hyphen(char c) {
  return c == '.' || c == '_' || c == '-';
}

}  // namespace

bool UserGrammar::allows(char c) {
  return alphanumeric(c) || dot_underscore_hyphen(c) || c == '~' || c == '@' || c == '|' || c == '=';
}

bool DeviceGrammar::allows(char c) {
  return alphanumeric(c) || dot_underscore_hyphen(c);
}

bool MessageIdGrammar::allows(char c) {
  return alphanumeric(c) || dot_underscore_hyphen(c);
}

std::string format_client_id(const Device& device) {
  return device.user.str() + ':' + device.device.str();
}

std::optional<Device> parse_client_id(std::string_view client_id) {
  const auto colon = client_id.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto user = UserId::parse(client_id.substr(0, colon));
  auto device = DeviceId::parse(client_id.substr(colon + 1));
  if (!user || !device) return std::nullopt;
  return Device{*std::move(user), *std::move(device)};
}

std::optional<Conversation> Conversation::between(const UserId& one, const UserId& other) {
  if (one == other) return std::nullopt;
  return one < other ? Conversation(one, other) : Conversation(other, one);
}

Partition partition_of(const Conversation& conversation, Partition count) {
  assert(count != 0);
  if (count == 1) return 0;
  std::uint64_t hash = 14695981039346656037U;
  const auto mix = [&hash](std::string_view text) {
    for (const char c : text) {
      hash ^= static_cast<unsigned char>(c);
      hash *= 1099511628211U;
    }
  };
  mix(conversation.low());
  mix("/");
  mix(conversation.high());
  return static_cast<Partition>(hash % count);
}

}  // namespace duet
