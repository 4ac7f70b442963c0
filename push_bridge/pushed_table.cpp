#include "push_bridge/pushed_table.h"

namespace duet {

PushedTable::PushedTable(const sqlite::Connection& connection)
    : find_(connection, "find what was pushed",
            "SELECT seq, pushes, at FROM pushed WHERE user = ?1 AND device = ?2 AND peer = ?3"),
      put_(connection, "note a push",
           "INSERT INTO pushed (user, device, peer, seq, pushes, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON "
           "CONFLICT DO UPDATE SET seq = ?4, pushes = ?5, at = ?6"),
      remove_(connection, "forget a push",
              "DELETE FROM pushed WHERE user = ?1 AND device = ?2 AND peer = ?3"),
      remove_all_(connection, "forget pushes", "DELETE FROM pushed WHERE user = ?1 AND device = ?2"),
      clear_(connection, "forget pushes", "DELETE FROM pushed"),
      forget_(connection, "forget pushes", "DELETE FROM pushed WHERE at < ?1") {}

std::optional<Pushed> PushedTable::find(const Device& device, const UserId& peer) {
  auto row = find_.query(device.user, device.device, peer);
  if (!row.next()) return std::nullopt;
  return Pushed{row.number(0), static_cast<std::uint32_t>(row.number(1)), row.time(2)};
}

void PushedTable::put(const Device& device, const UserId& peer, const Pushed& pushed) {
  put_.execute(device.user, device.device, peer, pushed.seq, pushed.pushes, pushed.at);
}

void PushedTable::remove(const Device& device, const UserId& peer) {
  remove_.execute(device.user, device.device, peer);
}

void PushedTable::remove_all(const Device& device) {
  remove_all_.execute(device.user, device.device);
}

void PushedTable::clear() {
  clear_.execute();
}

void PushedTable::forget_before(Timestamp at) {
  forget_.execute(at);
}

}  // namespace duet
