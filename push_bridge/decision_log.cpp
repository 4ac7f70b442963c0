#include "push_bridge/decision_log.h"

#include <algorithm>
#include <array>

namespace duet {
namespace {

constexpr std::size_t kMaxShown = 200;

std::vector<DecisionRecord> records(sqlite::Cursor rows) {
  std::vector<DecisionRecord> found;
  while (rows.next()) {
    found.push_back({.at = rows.time(0),
                     .device = {rows.name<UserId>(1), rows.name<DeviceId>(2)},
                     .peer = rows.name<UserId>(3),
                     .seq = rows.number(4),
                     .message = std::string(rows.text(5)),
                     .decided = std::string(rows.text(6)),
                     .why = std::string(rows.text(7)),
                     .attempt = static_cast<int>(rows.integer(8)),
                     .push_id = std::string(rows.text(9))});
  }
  return found;
}

bool ends(const DecisionRecord& record) {
  constexpr auto kEnds = std::to_array<std::string_view>(
      {decided::kCancelled, decided::kSent, decided::kDropped, decided::kDead, decided::kExpired});
  return std::find(kEnds.begin(), kEnds.end(), record.decided) != kEnds.end();
}

}  // namespace

DecisionLog::DecisionLog(const sqlite::Connection& connection)
    : add_(connection, "note a decision",
           "INSERT INTO decisions (at, user, device, peer, seq, message, decided, why, attempt, push_id) "
           "VALUES "
           "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
      trim_(connection, "forget decisions",
            "DELETE FROM decisions WHERE id <= (SELECT coalesce(max(id), 0) FROM decisions) - ?1"),
      of_message_(
          connection, "find decisions",
          "SELECT at, user, device, peer, seq, message, decided, why, attempt, push_id FROM decisions "
          "WHERE message = ?1 AND message <> '' ORDER BY id LIMIT ?2"),
      after_(
          connection, "find decisions",
          "SELECT at, user, device, peer, seq, message, decided, why, attempt, push_id FROM decisions WHERE "
          "user = ?1 AND device = ?2 AND peer = ?3 AND at >= ?4 AND seq >= ?5 AND decided NOT IN ('wanted', "
          "'joined') ORDER BY id LIMIT ?6") {}

void DecisionLog::add(const DecisionRecord& record) {
  add_.execute(record.at, record.device.user, record.device.device, record.peer, record.seq, record.message,
               record.decided, record.why, record.attempt, record.push_id);
}

void DecisionLog::add(const PushJob& job, std::string_view decided, std::string_view why, Timestamp now) {
  add({.at = now,
       .device = job.device,
       .peer = job.peer,
       .seq = job.last_seq,
       .message = {},
       .decided = std::string(decided),
       .why = std::string(why),
       .attempt = job.attempt,
       .push_id = job.push_id});
}

void DecisionLog::trim() {
  trim_.execute(kKeep);
}

std::vector<DecisionRecord> DecisionLog::of_message(std::string_view message) {
  return records(of_message_.query(message, kMaxShown));
}

std::vector<DecisionRecord> DecisionLog::after(const DecisionRecord& record) {
  auto found = records(
      after_.query(record.device.user, record.device.device, record.peer, record.at, record.seq, kMaxShown));
  const auto end = std::find_if(found.begin(), found.end(), ends);
  if (end != found.end()) found.erase(end + 1, found.end());
  return found;
}

}  // namespace duet
