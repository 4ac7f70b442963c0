// protocol/push_payload.h: what the push bridge and the store tell one another (docs/protocol.md section 5,
// docs/adr/0019-push-feed.md).
//
// JSON objects. format_* never fail; parse_* return nullopt for text that is not of the form. No body and no
// type of a message is in any of them, but the beginning of a text that was asked for. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/names.h"

namespace duet {

// How much of a set of users (PushUsers) has been told.
struct PushUsersTold {
  std::string set;          // at most kMaxUserSetBytes, not empty
  std::uint64_t pages = 0;  // at least 1
  friend bool operator==(const PushUsersTold&, const PushUsersTold&) = default;
};

// svc/push/users: {"set": string, "page": n, "users": [user, …]}: users who have a push registration, at most
// kMaxPushUsers. The pages of a set are numbered from 1; page 1 takes the place of the set before. A set only
// grows.
struct PushUsers {
  PushUsersTold told;  // this page included
  std::vector<UserId> users;
  friend bool operator==(const PushUsers&, const PushUsers&) = default;
};
std::string format_push_users(const PushUsers& users);
std::optional<PushUsers> parse_push_users(std::string_view payload);

// svc/push/feed: {"epoch": string, "after": n, "set"?: string, "pages"?: m}. What is in the store's log after
// n? The epoch is the one of the last answer, empty in the first ask of all. With `set` and `pages`: what
// concerns nobody in the first m pages of that set may be left out. The newest ask takes the place of the one
// before; asking the same again is harmless.
struct PushFeedAsk {
  std::string epoch;  // at most kMaxEpochBytes
  std::uint64_t after = 0;
  std::optional<PushUsersTold> only = std::nullopt;
  friend bool operator==(const PushFeedAsk&, const PushFeedAsk&) = default;
};
std::string format_push_feed_ask(const PushFeedAsk& ask);
std::optional<PushFeedAsk> parse_push_feed_ask(std::string_view payload);

// A message as it was stored.
struct PushMessage {
  std::uint64_t log;  // its place in the store's log
  UserId from;
  UserId to;
  Seq seq;
  MessageId id;
  Timestamp ts;
  friend bool operator==(const PushMessage&, const PushMessage&) = default;
};

// What `by` has of the conversation with `peer`. With a device: that device said so, also when another one
// had said as much before; without: how the user's marks stand now.
struct PushReceipt {
  std::uint64_t log;
  UserId by;
  UserId peer;
  Seq delivered;
  Seq read;
  std::optional<DeviceId> device;
  friend bool operator==(const PushReceipt&, const PushReceipt&) = default;
};

using PushEvent = std::variant<PushMessage, PushReceipt>;
std::uint64_t log_of(const PushEvent& event);

// svc/store/feed, the answer, as soon as there is something after n:
//   {"epoch", "after": n, "through": m, "more": bool, "set"?: string, "pages"?: p,
//    "events": [{"log", "kind": "msg" or "receipt", …}, …]}
//   {"epoch", "reset": true, "through": m}: the asker's epoch is not the store's, it goes on from m.
// With `set` and `pages` it leaves out what concerns nobody in the first p pages of that set; without,
// nothing. A page whose epoch and `after` are not the asker's own place answers an ask that was repeated: no
// news.
struct PushFeedPage {
  std::string epoch;
  bool reset = false;                  // then only epoch and through count
  std::uint64_t after = 0;             // of the ask
  std::uint64_t through = 0;           // everything up to here is told; the next ask's `after`
  bool more = false;                   // there is something after `through` already
  std::vector<PushEvent> events = {};  // ascending log numbers in (after, through]
  std::optional<PushUsersTold> only = std::nullopt;
  friend bool operator==(const PushFeedPage&, const PushFeedPage&) = default;
};
std::string format_push_feed_page(const PushFeedPage& page);
std::optional<PushFeedPage> parse_push_feed_page(std::string_view payload);

// The most bytes that the event adds to a page; for the events there are, a quarter more than it does.
std::size_t max_size_on_page(const PushEvent& event);

// The bounds of a page: as many events, and of their text as many bytes.
inline constexpr std::size_t kPushFeedEvents = 500;
inline constexpr std::size_t kPushFeedBytes = std::size_t{120} * 1024;

// What a preview shows of a body: its first bytes, up to kMaxPreviewBytes and as many as are no more than
// kMaxPreviewJsonBytes in a JSON string, cut between characters. Precondition: UTF-8.
std::string_view preview_of(std::string_view body);

// Whether a body of the media type is one that a preview shows: text/* (RFC 2046 4.1). What else there is
// (ciphertext, a description of a picture) is not for reading.
bool has_preview(std::string_view type);

inline constexpr std::size_t kMaxPreviewBytes = 512;
inline constexpr std::size_t kMaxPreviewJsonBytes = 1024;

// svc/push/check: {"req", "of": [{"user", "peer", "preview"?: seq}, …]}: how do these conversations stand,
// for a push that is about to be sent to `user`?
struct PushCheck {
  struct Pair {
    UserId user;
    UserId peer;
    std::optional<Seq> preview = std::nullopt;  // the text of this message is asked for
    friend bool operator==(const Pair&, const Pair&) = default;
  };
  std::string req;  // at most kMaxCheckRequestBytes
  std::vector<Pair> of;
  friend bool operator==(const PushCheck&, const PushCheck&) = default;
};
std::string format_push_check(const PushCheck& check);
// Nullopt also for more than kMaxPushChecks pairs, or kMaxPushPreviews of them with a preview.
std::optional<PushCheck> parse_push_check(std::string_view payload);

// svc/store/check: {"req", "of": [{"read", "last", "blocked", "muted", "badge", "text"?} or null, …]}, in the
// order of the question; null (nullopt): there is no such conversation.
struct PushCheckAnswer {
  struct Standing {
    Seq read;             // the user's own mark
    Seq last;             // message of the conversation
    bool blocked;         // the peer, by the user
    bool muted;           // the conversation, by the user, now
    std::uint64_t badge;  // the user's unread messages, in conversations neither muted nor blocked
    // preview_of() the message that was asked for, if it is text, the peer's, unread, and in a conversation
    // that is neither blocked nor muted nor a request that waits for the user's consent.
    std::optional<std::string> text = std::nullopt;
    friend bool operator==(const Standing&, const Standing&) = default;
  };
  std::string req;
  std::vector<std::optional<Standing>> of;
  friend bool operator==(const PushCheckAnswer&, const PushCheckAnswer&) = default;
};
std::string format_push_check_answer(const PushCheckAnswer& answer);
std::optional<PushCheckAnswer> parse_push_check_answer(std::string_view payload);

// The push registrations that a user's devices can have. The bridge forgets the oldest beyond it.
inline constexpr std::size_t kMaxRegistrationsPerUser = 32;

// svc/push/devices: {"req", "of": [{"user", "device", "refused"?: why}, …]}: these registrations were taken,
// or cannot be used. Repeated until svc/store/devices has come: {"req"}, it is stored.
struct PushDevices {
  struct Entry {
    Device device;
    std::string refused;  // a sentence of at most kMaxRefusedBytes without secrets; empty: taken
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  std::string req;
  std::vector<Entry> of;  // at most kMaxPushDevices
  friend bool operator==(const PushDevices&, const PushDevices&) = default;
};
std::string format_push_devices(const PushDevices& devices);
std::optional<PushDevices> parse_push_devices(std::string_view payload);

struct PushDevicesStored {
  std::string req;
};
std::string format_push_devices_stored(const PushDevicesStored& stored);
std::optional<PushDevicesStored> parse_push_devices_stored(std::string_view payload);

inline constexpr std::size_t kMaxPushDevices = 100;
inline constexpr std::size_t kMaxRefusedBytes = 200;

inline constexpr std::size_t kMaxEpochBytes = 64;
inline constexpr std::size_t kMaxUserSetBytes = 64;
inline constexpr std::size_t kMaxPushUsers = 500;
inline constexpr std::size_t kMaxCheckRequestBytes = 64;
inline constexpr std::size_t kMaxPushChecks = 200;
inline constexpr std::size_t kMaxPushPreviews = 100;  // of these: their texts fit a packet

}  // namespace duet
