// push_bridge/job_table.h: the outbox: pushes that are wanted and not sent yet.
//
// There is at most one for each (device, conversation), and one silent one for each device: later messages
// change it. A job is pending, or leased while an attempt is made; a lease that runs out leaves it pending.
//
// As the database that it is a part of: one thread, failures are StoreError.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "push_bridge/notification.h"
#include "sqlite/connection.h"

namespace duet {

// Why a leased job is not wanted any more. On disk: do not renumber.
enum class Superseded : std::uint8_t { no = 0, confirmed = 1, read = 2 };

struct PushJob {
  std::int64_t id = 0;
  Notification::Kind kind;  // message or badge
  Device device;
  UserId peer;       // whose conversation; of a badge: the one that was read last
  std::string lane;  // of LaneNames
  Seq last_seq;
  std::string message;  // the id of the last message; empty of a badge
  Timestamp message_at;
  Timestamp due;
  Timestamp not_before;
  Timestamp expires;
  bool leased = false;
  Superseded superseded = Superseded::no;
  int attempt = 0;           // of the push with this id; 0: none was made
  std::string push_id = {};  // empty: none was made
  Seq push_seq = 0;          // what that push says
  Timestamp since = {};      // not stored; of a leased one in hand: when it had been due
};

class JobTable {
 public:
  static constexpr std::size_t kMaxJobs = 1'000'000;

  explicit JobTable(const sqlite::Connection& connection);

  std::optional<PushJob> find(std::int64_t id);
  std::optional<PushJob> find(const Device& device, Notification::Kind kind, const UserId& peer);
  std::vector<PushJob> of_device(const Device& device);

  // False: there are kMaxJobs. The job's id is given here.
  bool add(const PushJob& job);
  void save(const PushJob& job);  // all but the key
  void remove(std::int64_t id);

  // Pending ones of a lane that are due, and leased ones whose lease has run out; the oldest first.
  std::vector<PushJob> due(const std::string& lane, Timestamp now, std::size_t limit);
  // When the first of the lane is due, or a lease runs out.
  std::optional<Timestamp> next_due(const std::string& lane);
  std::vector<PushJob> expired(Timestamp now, std::size_t limit);

  // These two change what is pending and says something; neither touches what was leased.
  void hurry(const Device& device, Timestamp now);    // due now, if nothing else holds it
  void put_off(const Device& device, Timestamp due);  // not due before

  // What another process had leased can be had from `due` on, with the same push id. Returns how many.
  std::int64_t release_all(Timestamp due);
  void set_lane(const Device& device, const std::string& lane);
  // Which have any.
  std::vector<Device> devices_of(Platform platform);
  std::int64_t clear();

  std::size_t size() const { return size_; }

 private:
  sqlite::Statement find_id_;
  sqlite::Statement find_;
  sqlite::Statement of_device_;
  sqlite::Statement add_;
  sqlite::Statement save_;
  sqlite::Statement remove_;
  sqlite::Statement due_;
  sqlite::Statement next_due_;
  sqlite::Statement expired_;
  sqlite::Statement hurry_;
  sqlite::Statement put_off_;
  sqlite::Statement release_all_;
  sqlite::Statement set_lane_;
  sqlite::Statement devices_;
  sqlite::Statement clear_;
  std::size_t size_;  // rows. Of a transaction that fails nothing is used any more
};

}  // namespace duet
