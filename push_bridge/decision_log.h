// push_bridge/decision_log.h: what was decided and why, for `duet-push why`.
//
// As the database that it is a part of: one thread, failures are StoreError.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "push_bridge/job_table.h"
#include "sqlite/connection.h"

namespace duet {

struct DecisionRecord {
  Timestamp at;
  Device device;
  UserId peer;
  Seq seq;                // up to which message
  std::string message;    // the id of the message that led to it; empty: no single one
  std::string decided;    // one of the words of `decided`
  std::string why;        // a sentence without secrets, or a provider's word
  int attempt = 0;        // of a push; 0: none
  std::string push_id{};  // of that push
};

namespace decided {
inline constexpr std::string_view kWanted = "wanted";        // a push is in the outbox
inline constexpr std::string_view kJoined = "joined";        // one was there already
inline constexpr std::string_view kRefused = "refused";      // the outbox is full
inline constexpr std::string_view kCancelled = "cancelled";  // not needed any more
inline constexpr std::string_view kSent = "sent";            // the provider has taken it
inline constexpr std::string_view kRetry = "retry";
inline constexpr std::string_view kHeld = "held";        // the whole channel is paused
inline constexpr std::string_view kDropped = "dropped";  // the device's registration with it
inline constexpr std::string_view kDead = "dead";        // it can never be sent
inline constexpr std::string_view kExpired = "expired";
}  // namespace decided

class DecisionLog {
 public:
  static constexpr std::int64_t kKeep = 200'000;  // records

  explicit DecisionLog(const sqlite::Connection& connection);

  void add(const DecisionRecord& record);
  // Of the job as it is.
  void add(const PushJob& job, std::string_view decided, std::string_view why, Timestamp now);
  void trim();

  // Those of a message, the oldest first; and what became of the push of a device's conversation from one of
  // them on, to the first that ended it for a message as new.
  std::vector<DecisionRecord> of_message(std::string_view message);
  std::vector<DecisionRecord> after(const DecisionRecord& record);

 private:
  sqlite::Statement add_;
  sqlite::Statement trim_;
  sqlite::Statement of_message_;
  sqlite::Statement after_;
};

}  // namespace duet
