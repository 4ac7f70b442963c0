// protocol/names.h: the names of docs/protocol.md section 1, as types that cannot hold anything else.
//
//   UserId     [A-Za-z0-9._~@|=-]{1,64}   the `sub` of the access token; case matters
//   DeviceId   [A-Za-z0-9._-]{1,32}       one installation of a client
//   MessageId  [A-Za-z0-9._-]{1,64}       chosen by the sending device
//
// Everything here is an immutable value: const access from several threads is safe.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace duet {

// Place of a message in its conversation: 1, 2, 3 … without holes. 0 means "none yet".
using Seq = std::uint64_t;
// The largest number that JSON readers agree on (RFC 8259 6), so the largest seq.
constexpr Seq kMaxSeq = (std::uint64_t{1} << 53) - 1;

// Place of a record in a node's journal: ascending, the first is 1.
using RecordNumber = std::uint64_t;

using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

struct UserGrammar {
  static constexpr std::size_t kMaxBytes = 64;
  static bool allows(char c);
};
struct DeviceGrammar {
  static constexpr std::size_t kMaxBytes = 32;
  static bool allows(char c);
};
struct MessageIdGrammar {
  static constexpr std::size_t kMaxBytes = 64;
  static bool allows(char c);
};

// A string of 1 to Grammar::kMaxBytes characters that Grammar allows; never a `/`, `+`, `#`, `:` or NUL.
template <typename Grammar>
class Name {
 public:
  static constexpr std::size_t kMaxBytes = Grammar::kMaxBytes;

  // Whether parse would succeed, without the copy.
  static bool valid(std::string_view text) {
    if (text.empty() || text.size() > kMaxBytes) return false;
    for (const char c : text) {
      if (!Grammar::allows(c)) return false;
    }
    return true;
  }

  // Returns nullopt for every string outside the grammar.
  static std::optional<Name> parse(std::string_view text) {
    if (!valid(text)) return std::nullopt;
    return Name(std::string(text));
  }

  const std::string& str() const { return text_; }
  operator std::string_view() const { return text_; }

  friend auto operator<=>(const Name&, const Name&) = default;  // NOLINT(modernize-use-nullptr): its 0
  friend bool operator==(const Name&, const Name&) = default;

 private:
  explicit Name(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

using UserId = Name<UserGrammar>;
using DeviceId = Name<DeviceGrammar>;
using MessageId = Name<MessageIdGrammar>;

// One device of one user. Its text form, `user:device`, is the MQTT client identifier.
struct Device {
  UserId user;
  DeviceId device;

  friend auto operator<=>(const Device&, const Device&) = default;  // NOLINT(modernize-use-nullptr): its 0
  friend bool operator==(const Device&, const Device&) = default;
};

std::string format_client_id(const Device& device);
// Returns nullopt unless `client_id` is exactly `user:device`.
std::optional<Device> parse_client_id(std::string_view client_id);

// An unordered pair of two different users.
class Conversation {
 public:
  // Returns nullopt when both are the same user.
  static std::optional<Conversation> between(const UserId& one, const UserId& other);

  // Invariant: low() < high().
  const UserId& low() const { return low_; }
  const UserId& high() const { return high_; }
  bool has(const UserId& user) const { return user == low_ || user == high_; }

  friend auto operator<=>(const Conversation&, const Conversation&) = default;
  friend bool operator==(const Conversation&, const Conversation&) = default;

 private:
  Conversation(UserId low, UserId high) : low_(std::move(low)), high_(std::move(high)) {}

  UserId low_;
  UserId high_;
};

// A share of all conversations with one owner among the store processes: 0 to count-1.
using Partition = std::uint32_t;

// The partition of a conversation: FNV-1a (64 bit) of `low/high`, modulo `count`. On disk and on the
// wire: must never change. `count` must not be 0.
Partition partition_of(const Conversation& conversation, Partition count);

}  // namespace duet

template <typename Grammar>
struct std::hash<duet::Name<Grammar>> {
  std::size_t operator()(const duet::Name<Grammar>& name) const {
    return std::hash<std::string_view>()(name);
  }
};

template <>
struct std::hash<duet::Device> {
  std::size_t operator()(const duet::Device& d) const {
    return std::hash<duet::UserId>()(d.user) * 31 + std::hash<duet::DeviceId>()(d.device);
  }
};

template <>
struct std::hash<duet::Conversation> {
  std::size_t operator()(const duet::Conversation& c) const {
    return std::hash<duet::UserId>()(c.low()) * 31 + std::hash<duet::UserId>()(c.high());
  }
};
