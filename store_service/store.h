// store_service/store.h: what the store service asks of a database.
//
// Two interfaces, because there is one writer and any number of readers. sqlite/ implements them (postgres/
// comes with scale-out); one contract suite, tests/contract, is run against each.
//
// Laws that every implementation keeps (and `duet-store verify` checks: sqlite/verify.h):
//   - seq is dense per conversation, from 1; ts never decreases along seq
//   - (conversation, sender, message id) is stored once
//   - marks never go back; read <= delivered <= last seq
//   - a conversation that waits for somebody's consent has no message of theirs
//   - log numbers ascend over the whole store; every change stands once in the log of each user it concerns,
//   and a
//     receipt stands there only with its last state; what devices have said stands in the log too, for push
//     alone
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "file_io/store_error.h"
#include "protocol/envelope.h"
#include "protocol/frame.h"
#include "protocol/names.h"
#include "protocol/push_payload.h"
#include "protocol/service_payload.h"

namespace duet {

// Place of a change in the store's one log.
using LogNumber = std::uint64_t;

// Whether two users have agreed to talk. A conversation that is begun as a request waits for the recipient's
// consent; meanwhile the one who began it is told nothing of the recipient's marks.
enum class Consent : std::uint8_t {
  given,  // or never asked for
  waits_for_peer,
  waits_for_me,
};

struct NewMessage {
  UserId from;
  UserId to;
  MessageId id;
  Timestamp ts;  // when the broker accepted it; the store raises it to the conversation's last ts
  std::string type;
  std::string body;
  bool asks = false;  // if it begins the conversation, that is a request
};

struct StoredMessage {
  Envelope envelope;  // without cursor and dup
  LogNumber log_number;
};

struct Marks {
  Seq delivered = 0;
  Seq read = 0;
  friend bool operator==(const Marks&, const Marks&) = default;
};

// Marks of a user, which the peer is told now.
struct ToldMarks {
  Marks marks;
  LogNumber log_number;
  friend bool operator==(const ToldMarks&, const ToldMarks&) = default;
};

struct Appended {
  StoredMessage message;  // of a duplicate: what is stored, i.e. the first body
  bool duplicate;
  // The message answers a request and so accepts it: the sender's marks, if there are any. Their log number
  // is after the message's.
  std::optional<ToldMarks> released = std::nullopt;
};

struct Accepted {
  enum class Outcome : std::uint8_t {
    accepted,
    unchanged,  // nothing waited
    not_found,  // no such conversation, or the one who accepts began it
  };
  Outcome outcome;
  std::optional<ToldMarks> released = std::nullopt;  // of the one who has accepted
};

struct RaisedMarks {
  enum class Outcome : std::uint8_t {
    raised,
    unchanged,  // not ahead of what is stored
    not_found,  // no such conversation, or beyond its last message
  };
  Outcome outcome;
  Marks marks;            // as they stand now
  LogNumber log_number;   // of the last raise
  bool withheld = false;  // from the peer, whose request waits
};

// No journal's record is stored so long after others that were accepted later.
inline constexpr std::chrono::hours kClaimsKept{24};

// How one user stands with another, to whom something is to be sent.
struct Standing {
  bool blocked = false;  // by the other
  bool exists = false;   // the conversation
  Consent consent = Consent::given;
  std::uint64_t sent = 0;  // messages of the one to the other
};

// A user wants no pushes for a conversation.
struct Mute {
  std::optional<Timestamp> until;  // none: until it is taken back
  bool in_force(Timestamp now) const { return !until || *until > now; }
  friend bool operator==(const Mute&, const Mute&) = default;
};

// A transaction of the one writer. Everything in it becomes durable with commit(), or nothing does: without
// commit the destructor rolls back. Every method throws StoreError.
class WriteTransaction {
 public:
  virtual ~WriteTransaction() = default;

  // Gives the message the next seq of its conversation, which it creates if need be, and writes both users'
  // logs.
  virtual Appended append(const NewMessage& message) = 0;
  virtual RaisedMarks raise_marks(const UserId& by, const UserId& peer, const Marks& marks) = 0;

  // The device says what it has of the conversation with `peer`: noted for push, with a log number of its
  // own, whether or not it raises anything. Nothing is noted of a device without a push registration, nor of
  // what is not there.
  virtual void note_device_receipt(const Device& by, const UserId& peer, const Marks& marks) = 0;
  // Forgets what devices have said up to `through`, at most `limit` of it. Returns how much.
  virtual std::size_t prune_device_receipts(LogNumber through, std::size_t limit) = 0;

  virtual Standing standing(const UserId& me, const UserId& peer) = 0;
  // The sender's message with this id, if it is stored.
  virtual std::optional<StoredMessage> find(const UserId& from, const UserId& to, const MessageId& id) = 0;
  // `me` accepts the request of `peer`.
  virtual Accepted accept(const UserId& me, const UserId& peer) = 0;
  // Accepts up to `limit` requests, whosever they are. Returns how many; fewer than `limit`: none is left.
  // At most once in a transaction.
  virtual std::size_t accept_any(std::size_t limit) = 0;

  // The user's bucket for new conversations (acl/token_bucket.h): when it is full again. nullopt: it is full.
  virtual std::optional<Timestamp> begun_full_at(const UserId& user) = 0;
  virtual void set_begun_full_at(const UserId& user, Timestamp full_at) = 0;

  // Names (docs/adr/0025-unknown-recipients.md). A user is known who has an account, or who was seen: a token
  // of theirs was accepted. Others are only spoken of: another user has written to them, or blocked them.
  virtual bool is_known(const UserId& user) = 0;
  virtual void note_seen(const UserId& user) = 0;
  virtual void note_account(const UserId& user) = 0;
  // Notes the account that is about to be made, at `now`. False, and nothing changed: the name is not free,
  // because there is a conversation of its, or it was seen without an account.
  virtual bool claim_name(const UserId& user, Timestamp now) = 0;
  // When the name was claimed, for kClaimsKept: what was accepted until then is not for its owner.
  virtual std::optional<Timestamp> claimed_at(const UserId& user) = 0;
  // Forgets claims that are older than kClaimsKept. Those of a clock that was ahead become `now`.
  virtual void tidy_claims(Timestamp now) = 0;
  // Every account with a number up to this was noted. It never goes back.
  virtual std::uint64_t accounts_through() = 0;
  virtual void set_accounts_through(std::uint64_t number) = 0;

  // The last record of the node that is stored; 0 for a node never seen.
  virtual RecordNumber ingest_offset(const NodeId& node, Partition partition) = 0;
  virtual void set_ingest_offset(const NodeId& node, Partition partition, RecordNumber n) = 0;

  // False: nothing changed.
  virtual bool block(const Block& block) = 0;
  virtual bool unblock(const Block& block) = 0;

  // `me` wants no pushes for the conversation with `peer`, in place of what was said before; or wants them
  // again. False: there is no such conversation.
  virtual bool mute(const UserId& me, const UserId& peer, const Mute& mute) = 0;
  virtual bool unmute(const UserId& me, const UserId& peer) = 0;

  struct DeviceChange {
    Device device;
    std::optional<Timestamp> last_seen;
    std::optional<std::string> push_platform;  // "" removes
  };
  // Creates the device if need be. Beyond `max_devices` of the user, those without a push registration that
  // were seen longest ago are forgotten. Those with one stay, up to kMaxRegistrationsPerUser more.
  virtual void touch_device(const DeviceChange& change, std::size_t max_devices) = 0;
  // The device's registration cannot be used, for this reason; empty: it can. Until it registers again.
  // Nothing happens to a device that is not known or has no registration.
  virtual void note_push(const Device& device, const std::string& refused) = 0;

  // Deliveries up to here are known to have reached the broker.
  virtual void set_delivered_mark(LogNumber log_number) = 0;

  virtual void commit() = 0;  // returns once the transaction is on stable storage
};

struct ConversationSummary {
  UserId peer;
  Envelope last;
  Seq unread;  // messages of the peer's after my read mark
  Marks mine;
  Marks theirs;                             // nothing while my request waits for them
  bool blocked;                             // by me
  bool request = false;                     // it waits for my consent
  std::optional<Mute> mute = std::nullopt;  // mine, in force or over
};

// A change as it stands in one user's log. Receipts of somebody whose consent the user waits for are in no
// log but their own.
struct Change {
  enum class Kind : std::uint8_t { message, sent, receipt };
  LogNumber log_number;
  UserId peer;
  Kind kind;
  std::variant<Envelope, Receipt> content;  // cursors empty
};

template <typename Item>
struct Page {
  std::vector<Item> items;
  bool more = false;
};

struct DeviceRow {
  DeviceId device;
  std::optional<Timestamp> last_seen;
  std::string push_platform;      // empty: none
  std::string push_refused = {};  // why that registration cannot be used; empty: it can
};

// Reads what is committed. Each call sees one state of the database. Used by one thread at a time. A page
// ends at `limit` items, or before it would hold more than `max_bytes` of bodies (but holds at least one
// item). Throws StoreError.
class StoreReader {
 public:
  virtual ~StoreReader() = default;

  // Ascending by seq. Exactly one of before/after is used: the last `limit` with seq < before, or the first
  // with seq > after; neither: the last ones. `more`: there are further ones on that side.
  virtual Page<Envelope> history(const UserId& me, const UserId& peer, std::optional<Seq> before,
                                 std::optional<Seq> after, std::size_t limit, std::size_t max_bytes) = 0;

  // Newest first, by the log number of their last message. `before`: only those whose last is older.
  struct SummaryItem {
    ConversationSummary summary;
    LogNumber last_log_number;
  };
  virtual Page<SummaryItem> conversations(const UserId& me, std::optional<LogNumber> before,
                                          std::size_t limit, std::size_t max_bytes) = 0;

  // The user's log after `after`, ascending.
  virtual Page<Change> changes(const UserId& me, LogNumber after, std::size_t limit,
                               std::size_t max_bytes) = 0;

  // The highest log number that is committed; 0 in an empty store.
  virtual LogNumber last_log_number() = 0;

  // nullopt: there is no such conversation.
  virtual std::optional<Consent> consent(const UserId& me, const UserId& peer) = 0;
  virtual std::vector<UserId> peers(const UserId& me) = 0;  // everyone with a conversation with me
  virtual std::vector<UserId> blocked_by(const UserId& me) = 0;
  virtual bool is_blocked(const Block& block) = 0;
  virtual void for_each_block(const std::function<void(const Block&)>& visit) = 0;
  virtual std::vector<DeviceRow> devices(const UserId& me) = 0;
  virtual std::optional<Timestamp> last_seen(const UserId& user) = 0;  // the latest of all devices

  // Messages and receipts with log number > after, ascending, to deliver again; the store keeps no delivery
  // state but the mark. A change is an Appended (duplicate = false) or a receipt with its two users.
  struct Redelivery {
    LogNumber log_number;
    UserId to_first;   // of a message: the sender
    UserId to_second;  // of a message: the recipient
    std::variant<Envelope, Receipt> content;
    bool withheld = false;  // of a receipt: it is for the one who gave it alone
  };
  virtual std::vector<Redelivery> undelivered(LogNumber after, std::size_t limit) = 0;

  // What the push bridge has to know of, with log number > after, ascending. `max_bytes` as
  // max_size_on_page() counts. A page without `more` ends at the last log number.
  virtual Page<PushEvent> feed(LogNumber after, std::size_t limit, std::size_t max_bytes) = 0;
  // How the conversations stand at `now`, in the order of the pairs.
  virtual std::vector<std::optional<PushCheckAnswer::Standing>> push_standings(
      std::span<const PushCheck::Pair> pairs, Timestamp now) = 0;
  virtual LogNumber delivered_mark() = 0;
};

// A database. Opening runs pending migrations, after a backup when there is something to lose.
class Database {
 public:
  virtual ~Database() = default;

  // Names this state of the store in cursors: 16 characters of 0-9 a-f, new when a backup is restored.
  virtual const std::string& epoch() const = 0;

  // One at a time: the caller is the one writer thread.
  virtual std::unique_ptr<WriteTransaction> begin() = 0;
  // May be called from several threads; each reader is then one thread's.
  virtual std::unique_ptr<StoreReader> reader() = 0;
};

}  // namespace duet
