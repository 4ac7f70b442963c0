#include "store_service/sqlite/device_receipts.h"

#include <algorithm>

namespace duet::sqlite {
namespace {

std::int64_t count_device_receipts(const Connection& connection) {
  Statement statement(connection, "count the device receipts", "SELECT count(*) FROM device_receipts");
  Cursor row = statement.query();
  return row.next() ? row.integer(0) : 0;
}

// Beyond the bound, the oldest go in such a share of it at once.
constexpr std::size_t kOverflowShare = 1000;

}  // namespace

DeviceReceipts::DeviceReceipts(const Connection& c, std::size_t users, std::size_t max_rows)
    : find_registered_(c, "find devices with push",
                       "SELECT device FROM devices WHERE user_id = ?1 AND push_platform <> ''"),
      insert_(c, "note a device's receipt",
              "INSERT INTO device_receipts (log_number, conversation_id, side, device, delivered, read) "
              "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
      delete_up_to_(c, "forget device receipts",
                    "DELETE FROM device_receipts WHERE log_number IN (SELECT log_number FROM device_receipts "
                    "WHERE log_number <= ?1 AND log_number < (SELECT max(log_number) FROM device_receipts) "
                    "ORDER BY log_number LIMIT ?2)"),
      delete_oldest_(c, "forget the oldest device receipts",
                     "DELETE FROM device_receipts WHERE log_number IN "
                     "(SELECT log_number FROM device_receipts ORDER BY log_number LIMIT ?1)"),
      registered_(users),
      max_rows_(max_rows),
      rows_(count_device_receipts(c)),
      committed_rows_(rows_) {}

bool DeviceReceipts::registered(UserKey user, const DeviceId& device) {
  const auto* devices = registered_.find(user);
  if (devices == nullptr) {
    std::vector<DeviceId> found;
    Cursor row = find_registered_.query(user);
    while (row.next()) found.push_back(row.name<DeviceId>(0));
    devices = &registered_.insert(user, std::move(found));
  }
  return std::find(devices->begin(), devices->end(), device) != devices->end();
}

void DeviceReceipts::forget_devices(UserKey user) {
  registered_.erase(user);
  devices_changed_ = true;
}

void DeviceReceipts::add(const Note& note) {
  insert_.execute(note.log_number, note.conversation, note.side, note.device, note.marks.delivered,
                  note.marks.read);
  ++rows_;
  const auto share = std::max<std::size_t>(max_rows_ / kOverflowShare, 1);
  if (static_cast<std::size_t>(rows_) >= max_rows_ + share) rows_ -= delete_oldest_.execute(share);
}

std::size_t DeviceReceipts::prune(LogNumber through, std::size_t limit) {
  const auto gone = delete_up_to_.execute(through, limit);
  rows_ -= gone;
  return static_cast<std::size_t>(gone);
}

void DeviceReceipts::committed() {
  committed_rows_ = rows_;
  devices_changed_ = false;
  registered_.trim();
}

void DeviceReceipts::rolled_back() {
  rows_ = committed_rows_;
  // What was looked up after the change is not true any more.
  if (devices_changed_) registered_.clear();
  devices_changed_ = false;
}

}  // namespace duet::sqlite
