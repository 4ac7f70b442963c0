// push_bridge/device_notes.h: tells the store which registrations can be used, for the user's list of
// devices.
//
// A note is made in the transaction that takes or drops a registration, and stays until the store has stored
// it. There is one for each device, the last. The caller brings the time and does the sending.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "protocol/push_payload.h"
#include "sqlite/connection.h"

namespace duet {

// The bridge's thread owns it. Throws StoreError.
class DeviceNotes {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kTellEvery{1};

  explicit DeviceNotes(const sqlite::Connection& connection);

  void taken(const Device& device) { put(device, {}); }
  // `why`: a sentence without secrets; what is longer than kMaxRefusedBytes is cut.
  void refused(const Device& device, std::string_view why) { put(device, why); }

  void connected() { next_ = Clock::time_point{}; }
  void disconnected() { next_.reset(); }
  // What to publish now, if anything: the oldest notes, at first and then again until stored() was called.
  std::optional<PushDevices> due(Clock::time_point now);
  std::optional<Clock::time_point> next_time() const { return waiting_ ? next_ : std::nullopt; }
  // The store's answer. In the caller's transaction.
  void stored(const PushDevicesStored& answer);

 private:
  void put(const Device& device, std::string_view refused);

  sqlite::Statement put_;
  sqlite::Statement oldest_;
  sqlite::Statement remove_;
  bool waiting_ = true;                    // there may be notes
  std::optional<std::uint64_t> told_;      // the last note that was told; none: nothing is on its way
  std::optional<Clock::time_point> next_;  // none: not connected
};

}  // namespace duet
