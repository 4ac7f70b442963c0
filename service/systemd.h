// service/systemd.h: what a service tells systemd, by the protocol of sd_notify(3).
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace duet {

// The socket of the service manager that started this process; without one everything here does nothing. The
// protocol is one datagram to a socket that the environment names, and stable by systemd's own promise, so no
// library is linked for it. Thread-safe.
class ServiceManager {
 public:
  // NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID of the environment.
  static ServiceManager from_environment();

  bool present() const { return !socket_.empty(); }
  // How often it wants to hear that the process is alive at the least; nullopt when it does not ask for that.
  std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }

  // Sends assignments, one a line: "READY=1", "WATCHDOG=1", "STATUS=…". Never waits; what
  // cannot be sent is lost.
  void tell(const std::string& assignments) const;

 private:
  ServiceManager() = default;

  std::string socket_;  // a path; with an @ in front the name of an abstract socket
  std::optional<std::chrono::microseconds> watchdog_;
};

}  // namespace duet
