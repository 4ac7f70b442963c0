// supervisor/demo.h: a short conversation between alice and bob, for whoever starts Duet for the first time.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <iosfwd>
#include <optional>

namespace duet {

// Plays it on `out` through the running platform, by running the `duet` program as anybody would, and says
// how to chat oneself. May be played on a platform that has been used before. Returns false, having said why,
// when a step fails.
bool play_demo(const std::filesystem::path& data_dir, std::ostream& out);

// Plays it in a process of its own, so that the supervisor's loop goes on. That process and those it started
// end with this object.
class DemoProcess {
 public:
  DemoProcess() = default;
  ~DemoProcess() { stop(); }
  DemoProcess(const DemoProcess&) = delete;
  DemoProcess& operator=(const DemoProcess&) = delete;

  // Precondition: not started yet, and no other thread. Without a process to be had there is no demo.
  void start(const std::filesystem::path& data_dir);
  void stop();

 private:
  std::optional<pid_t> pid_;
};

}  // namespace duet
