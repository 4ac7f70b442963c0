#include "push_bridge/device_notes.h"

#include <algorithm>
#include <string>
#include <utility>

namespace duet {

DeviceNotes::DeviceNotes(const sqlite::Connection& connection)
    : put_(connection, "note what became of a registration",
           "INSERT OR REPLACE INTO device_notes (user, device, refused) VALUES (?1, ?2, ?3)"),
      oldest_(connection, "find what became of registrations",
              "SELECT id, user, device, refused FROM device_notes ORDER BY id LIMIT ?1"),
      remove_(connection, "forget what became of registrations", "DELETE FROM device_notes WHERE id <= ?1") {}

// A note that takes the place of another gets a new id, so that an answer to the older one leaves it.
void DeviceNotes::put(const Device& device, std::string_view refused) {
  put_.execute(device.user, device.device, refused.substr(0, std::min(refused.size(), kMaxRefusedBytes)));
  waiting_ = true;
}

std::optional<PushDevices> DeviceNotes::due(Clock::time_point now) {
  if (!waiting_ || !next_ || (told_ && now < *next_)) return std::nullopt;
  PushDevices devices;
  auto rows = oldest_.query(kMaxPushDevices);
  while (rows.next()) {
    told_ = rows.number(0);
    devices.of.push_back({{rows.name<UserId>(1), rows.name<DeviceId>(2)}, std::string(rows.text(3))});
  }
  waiting_ = !devices.of.empty();
  if (!waiting_) return std::nullopt;
  devices.req = std::to_string(*told_);
  next_ = now + kTellEvery;
  return devices;
}

void DeviceNotes::stored(const PushDevicesStored& answer) {
  if (!told_ || answer.req != std::to_string(*told_)) return;  // the answer to an older one that was repeated
  remove_.execute(*std::exchange(told_, std::nullopt));
}

}  // namespace duet
