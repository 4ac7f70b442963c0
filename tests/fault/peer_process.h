// tests/fault/peer_process.h: a process of chatting devices, and what it says.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace duet {

enum class PeerKind : std::uint8_t {
  node,     // tests/fault/node/peers.js: MQTT.js
  library,  // duet-library-peers: our client library
};

// One device, as the peer processes are told of it.
struct PeerSpec {
  std::string user;
  std::string device;
  std::vector<std::string> peers;  // whom it sends to, in turn
  std::string token;
  int version = 5;  // 4: MQTT 3.1.1
  std::string url;  // mqtt://host:port or ws://host:port/mqtt
  bool clean = true;
  std::chrono::milliseconds interval{100};  // between two messages
  std::filesystem::path record;
  std::filesystem::path state;  // library
  bool receipts = true;
  std::chrono::milliseconds slow{0};  // node: over each message it receives
  bool bears_refusals = false;        // node: `unavailable` is no complaint, the message is given up
};

struct PeerStatus {
  std::size_t confirmed = 0;
  std::size_t published = 0;
  std::size_t connections = 0;
};

// Runs from construction to destruction (SIGKILL). Used by one thread at a time. The functions that wait
// throw std::runtime_error, with what the process complained of, when what they wait for does not come.
class PeerProcess {
 public:
  // `directory` gets the configuration and stderr, which is appended to. `environment` is beside the test's
  // own.
  PeerProcess(PeerKind kind, const std::vector<PeerSpec>& devices, std::filesystem::path directory,
              std::map<std::string, std::string> environment = {});

  pid_t pid() const { return process_->pid(); }
  // SIGKILL, and starts it again with the same configuration.
  void kill_and_restart();
  // Waits until it has died by itself, as by SIGKILL, and starts it again.
  void await_death_and_restart();

  void await_ready();
  // The next status that it tells, about once a second.
  PeerStatus status();
  // Waits until so many more messages are confirmed.
  void await_confirmed(std::size_t more);
  // No new messages; waits until all are confirmed.
  void stop_publishing();
  // One more sync of every device.
  void sync();
  // Ends it; returns its exit status.
  int quit();

 private:
  void start();
  // The next event that is called so.
  nlohmann::json await(const std::string& event);

  const PeerKind kind_;
  const std::filesystem::path directory_;
  const std::map<std::string, std::string> environment_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace duet
