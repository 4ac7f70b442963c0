// protocol/service_payload.h: what the services and the plugin tell one another on svc/# (docs/protocol.md
// section 5).
//
// JSON objects. format_* never fail; parse_* return nullopt for text that is not of the form. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/names.h"

namespace duet {

struct Block {
  UserId blocker;
  UserId blocked;
  friend auto operator<=>(const Block&, const Block&) = default;
  friend bool operator==(const Block&, const Block&) = default;
};

// svc/store/blocks: {"reset"?: true, "add": [[blocker, blocked], …], "remove": […]}. With `reset` the plugin
// forgets what it knew first; the store sends that on every connect, in pages, and then each change as it
// commits.
struct BlockUpdate {
  bool reset = false;
  std::vector<Block> add;
  std::vector<Block> remove;
  friend bool operator==(const BlockUpdate&, const BlockUpdate&) = default;
};
std::string format_block_update(const BlockUpdate& update);
std::optional<BlockUpdate> parse_block_update(std::string_view payload);

// svc/broker/presence: {"reset"?: true, "online": [[user, device], …]}. Sent in pages when the store
// subscribes to the devices' presence; the first page has `reset`: every device that is in none of the pages
// is offline.
struct PresenceSnapshot {
  bool reset = false;
  std::vector<Device> online;
  friend bool operator==(const PresenceSnapshot&, const PresenceSnapshot&) = default;
};
std::string format_presence_snapshot(const PresenceSnapshot& snapshot);
std::optional<PresenceSnapshot> parse_presence_snapshot(std::string_view payload);

// svc/broker/typing: {"from": user, "to": user, "typing": bool}. Where consent is required the plugin does
// not know who may hear of whom: it has the store pass typing on.
struct TypingNotice {
  UserId from;
  UserId to;
  bool typing;
  friend bool operator==(const TypingNotice&, const TypingNotice&) = default;
};
std::string format_typing_notice(const TypingNotice& notice);
std::optional<TypingNotice> parse_typing_notice(std::string_view payload);

// The end of logins: no token of `user` (of that device only, if one is named) is good that was issued before
// `before`. All such tokens have run out at `until`; the entry may be forgotten then.
struct Revocation {
  UserId user;
  std::optional<DeviceId> device;
  Timestamp before;
  Timestamp until;
  friend bool operator==(const Revocation&, const Revocation&) = default;
};

// svc/auth/revocations: {"reset"?: true, "add": [{"user", "device"?, "before", "until"}, …]}, times in
// milliseconds since 1970. The auth service sends all it knows on every connect, in pages, and then each one
// when it is committed. None is ever taken back: with `reset` the plugin forgets what it knew first, for a
// service whose clock was wrong and which tells all anew.
struct RevocationUpdate {
  bool reset = false;
  std::vector<Revocation> add;
  friend bool operator==(const RevocationUpdate&, const RevocationUpdate&) = default;
};
std::string format_revocation_update(const RevocationUpdate& update);
std::optional<RevocationUpdate> parse_revocation_update(std::string_view payload);

// svc/auth/names: {"req", "claim"?: user, "add"?: [user, …], "after"?: n, "through"?: m}. What the auth
// service tells the store about accounts, and asks (docs/adr/0025-unknown-recipients.md). `claim`: a person
// signs up with this name; is it free? `add`: these have accounts. With `after` and `through` they are all
// those with numbers in (after, through].
struct NamesAsk {
  struct Range {
    std::uint64_t after = 0;
    std::uint64_t through = 0;
    friend bool operator==(const Range&, const Range&) = default;
  };
  std::string req;  // the asker's name for it, at most kMaxNamesRequestBytes
  std::optional<UserId> claim;
  std::vector<UserId> add;  // at most kServicePage
  std::optional<Range> range;
  friend bool operator==(const NamesAsk&, const NamesAsk&) = default;
};
std::string format_names_ask(const NamesAsk& ask);
std::optional<NamesAsk> parse_names_ask(std::string_view payload);

// svc/store/names: {"req", "through": n, "free"?: bool}, when what was told is on stable storage. The store
// knows all accounts with numbers up to `through`. `free`: the answer to a claim.
struct NamesAnswer {
  std::string req;
  std::uint64_t through = 0;
  std::optional<bool> free;
  friend bool operator==(const NamesAnswer&, const NamesAnswer&) = default;
};
std::string format_names_answer(const NamesAnswer& answer);
std::optional<NamesAnswer> parse_names_answer(std::string_view payload);

inline constexpr std::size_t kMaxNamesRequestBytes = 64;

// Blocks, devices, revocations or names on one page: 500 of the longest still fit a packet of 128 KiB.
inline constexpr std::size_t kServicePage = 500;

}  // namespace duet
