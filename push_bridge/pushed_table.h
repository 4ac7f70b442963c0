// push_bridge/pushed_table.h: what was sent to a device for a conversation since the user last read it.
//
// As the database that it is a part of: one thread, failures are StoreError.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "push_bridge/notification.h"
#include "sqlite/connection.h"

namespace duet {

struct Pushed {
  Seq seq = 0;               // the last message that a push spoke of
  std::uint32_t pushes = 0;  // since the device last confirmed
  Timestamp at;              // of the last
};

class PushedTable {
 public:
  // What nobody has read for so long is forgotten.
  static constexpr std::chrono::hours kKeep{24 * 7};

  explicit PushedTable(const sqlite::Connection& connection);

  std::optional<Pushed> find(const Device& device, const UserId& peer);
  void put(const Device& device, const UserId& peer, const Pushed& pushed);
  void remove(const Device& device, const UserId& peer);
  void remove_all(const Device& device);
  void clear();
  void forget_before(Timestamp at);

 private:
  sqlite::Statement find_;
  sqlite::Statement put_;
  sqlite::Statement remove_;
  sqlite::Statement remove_all_;
  sqlite::Statement clear_;
  sqlite::Statement forget_;
};

}  // namespace duet
