#include "push_bridge/job_table.h"

#include <utility>

#include "push_bridge/channel.h"

namespace duet {
namespace {

constexpr const char* kFindJob = "find a push";

std::string select_job(const std::string& rest) {
  return "SELECT id, user, device, slot, peer, lane, last_seq, message, message_at, due, not_before, "
         "expires, leased, superseded, attempt, push_id, push_seq FROM jobs " +
         rest;
}

PushJob job_from(const sqlite::Cursor& row) {
  return {.id = row.integer(0),
          .kind = row.text(3).empty() ? Notification::Kind::badge : Notification::Kind::message,
          .device = {row.name<UserId>(1), row.name<DeviceId>(2)},
          .peer = row.name<UserId>(4),
          .lane = std::string(row.text(5)),
          .last_seq = row.number(6),
          .message = std::string(row.text(7)),
          .message_at = row.time(8),
          .due = row.time(9),
          .not_before = row.time(10),
          .expires = row.time(11),
          .leased = row.integer(12) != 0,
          .superseded = static_cast<Superseded>(row.integer(13)),
          .attempt = static_cast<int>(row.integer(14)),
          .push_id = std::string(row.text(15)),
          .push_seq = row.number(16)};
}

std::string_view slot_of(Notification::Kind kind, const UserId& peer) {
  return kind == Notification::Kind::badge ? std::string_view() : std::string_view(peer);
}

std::optional<PushJob> first(sqlite::Cursor rows) {
  if (!rows.next()) return std::nullopt;
  return job_from(rows);
}

std::vector<PushJob> all(sqlite::Cursor rows) {
  std::vector<PushJob> found;
  while (rows.next()) found.push_back(job_from(rows));
  return found;
}

std::size_t count_jobs(const sqlite::Connection& connection) {
  sqlite::Statement count(connection, "count pushes", "SELECT count(*) FROM jobs");
  auto row = count.query();
  return row.next() ? row.number(0) : 0;
}

}  // namespace

JobTable::JobTable(const sqlite::Connection& connection)
    : find_id_(connection, kFindJob, select_job("WHERE id = ?1")),
      find_(connection, kFindJob, select_job("WHERE user = ?1 AND device = ?2 AND slot = ?3")),
      of_device_(connection, kFindJob, select_job("WHERE user = ?1 AND device = ?2")),
      add_(connection, "want a push",
           "INSERT INTO jobs (user, device, slot, peer, lane, last_seq, message, message_at, due, "
           "not_before, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"),
      save_(connection, "change a push",
            "UPDATE jobs SET peer = ?2, last_seq = ?3, message = ?4, message_at = ?5, due = ?6, not_before = "
            "?7, expires = ?8, leased = ?9, superseded = ?10, attempt = ?11, push_id = ?12, push_seq = ?13 "
            "WHERE id = ?1"),
      remove_(connection, "remove a push", "DELETE FROM jobs WHERE id = ?1"),
      due_(connection, kFindJob, select_job("WHERE lane = ?1 AND due <= ?2 ORDER BY due LIMIT ?3")),
      next_due_(connection, kFindJob, "SELECT due FROM jobs WHERE lane = ?1 ORDER BY due LIMIT 1"),
      expired_(connection, kFindJob,
               select_job("WHERE expires <= ?1 AND (leased = 0 OR due <= ?1) ORDER BY expires LIMIT ?2")),
      hurry_(connection, "hurry pushes",
             "UPDATE jobs SET due = max(?3, not_before) WHERE user = ?1 AND device = ?2 AND slot <> '' AND "
             "leased = 0 AND due > ?3"),
      put_off_(
          connection, "put pushes off",
          "UPDATE jobs SET due = ?3 WHERE user = ?1 AND device = ?2 AND slot <> '' AND leased = 0 AND due "
          "< ?3"),
      release_all_(connection, "release pushes",
                   "UPDATE jobs SET leased = 0, due = ?1, not_before = ?1 WHERE leased = 1"),
      set_lane_(connection, "change pushes",
                "UPDATE jobs SET lane = ?3 WHERE user = ?1 AND device = ?2 AND lane <> ?3"),
      devices_(connection, kFindJob, "SELECT DISTINCT user, device FROM jobs WHERE lane LIKE ?1"),
      clear_(connection, "remove all pushes", "DELETE FROM jobs"),
      size_(count_jobs(connection)) {}

std::optional<PushJob> JobTable::find(std::int64_t id) {
  return first(find_id_.query(id));
}

std::optional<PushJob> JobTable::find(const Device& device, Notification::Kind kind, const UserId& peer) {
  return first(find_.query(device.user, device.device, slot_of(kind, peer)));
}

std::vector<PushJob> JobTable::of_device(const Device& device) {
  return all(of_device_.query(device.user, device.device));
}

bool JobTable::add(const PushJob& job) {
  if (size_ >= kMaxJobs) return false;
  add_.execute(job.device.user, job.device.device, slot_of(job.kind, job.peer), job.peer, job.lane,
               job.last_seq, job.message, job.message_at, job.due, job.not_before, job.expires);
  ++size_;
  return true;
}

void JobTable::save(const PushJob& job) {
  save_.execute(job.id, job.peer, job.last_seq, job.message, job.message_at, job.due, job.not_before,
                job.expires, job.leased, job.superseded, job.attempt, job.push_id, job.push_seq);
}

void JobTable::remove(std::int64_t id) {
  if (remove_.execute(id) == 1) --size_;
}

std::vector<PushJob> JobTable::due(const std::string& lane, Timestamp now, std::size_t limit) {
  return all(due_.query(lane, now, limit));
}

std::optional<Timestamp> JobTable::next_due(const std::string& lane) {
  auto row = next_due_.query(lane);
  if (!row.next()) return std::nullopt;
  return row.time(0);
}

std::vector<PushJob> JobTable::expired(Timestamp now, std::size_t limit) {
  return all(expired_.query(now, limit));
}

void JobTable::hurry(const Device& device, Timestamp now) {
  hurry_.execute(device.user, device.device, now);
}

void JobTable::put_off(const Device& device, Timestamp due) {
  put_off_.execute(device.user, device.device, due);
}

std::int64_t JobTable::release_all(Timestamp due) {
  return release_all_.execute(due);
}

void JobTable::set_lane(const Device& device, const std::string& lane) {
  set_lane_.execute(device.user, device.device, lane);
}

std::vector<Device> JobTable::devices_of(Platform platform) {
  std::vector<Device> found;
  auto rows = devices_.query(std::string(to_string(platform)) + "/%");
  while (rows.next()) found.push_back({rows.name<UserId>(0), rows.name<DeviceId>(1)});
  return found;
}

std::int64_t JobTable::clear() {
  size_ = 0;
  return clear_.execute();
}

}  // namespace duet
