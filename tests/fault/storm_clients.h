// tests/fault/storm_clients.h: the clients of a storm, of three SDKs, and what they recorded.
//
// Users stand in a ring, and each talks to the next and to the one before. Every user has two devices of
// libmosquitto (tests/support/chatter.h); some have one of MQTT.js, some one of our own client library too.
#pragma once

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/fault/peer_process.h"
#include "tests/fault/recovery_clock.h"
#include "tests/fault/storm.h"
#include "tests/support/chatter.h"
#include "tests/support/test_platform.h"

namespace duet {

// Used by one thread. Platform and clock outlive it.
class StormClients {
 public:
  // `directory` is for the records and states of the clients in other processes.
  StormClients(const TestPlatform& platform, const StormOptions& options, RecoveryClock& clock,
               std::filesystem::path directory);

  std::size_t devices() const { return chatters_.size() + node_.specs.size() + library_.specs.size(); }

  // Blows that fall on clients.
  void drop_some(std::mt19937_64& random);
  void stop_some_reading(std::mt19937_64& random, std::chrono::milliseconds time);
  void signal_node(int number);
  void kill_library();
  // Reads what the other processes say of themselves, so that they need not wait.
  void listen();

  // Ends the load and waits until everything is confirmed, synced and told. Returns what was not as it
  // should be.
  std::vector<std::string> settle();
  // Compares everything that was recorded; adds to the report.
  void check(StormReport& report) const;

 private:
  struct Group {
    std::vector<PeerSpec> specs;
    std::unique_ptr<PeerProcess> process;
  };

  std::string user(std::size_t number) const { return "user" + std::to_string(number % options_.users); }
  std::string token_of(const std::string& user) const;
  void add_chatters(RecoveryClock& clock);
  void add_peers();
  PeerSpec peer_spec(std::size_t number, std::string device) const;
  // What the devices of `user` recorded of the conversation with `peer`.
  std::vector<DeviceRecord> records(const std::string& user, const std::string& peer) const;
  void count(const UserRecord& record, StormReport& report) const;

  const TestPlatform& platform_;
  const StormOptions options_;
  const std::filesystem::path directory_;
  std::vector<std::unique_ptr<Chatter>> chatters_;
  std::vector<std::unique_ptr<Chatter>> bystanders_;  // have no conversation: must hear nothing
  Group node_;
  Group library_;
};

}  // namespace duet
