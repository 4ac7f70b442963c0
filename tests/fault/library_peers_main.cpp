// duet-library-peers: many devices on our client library in one process, that chat through everything that
// happens and write down all they do and are told. Its configuration, commands and answers are those of
// tests/fault/node/peers.js, with "state", the directory of a device's client, for each device; `clean` and
// `slow_ms` are not looked at. `sync` is answered at once: the library syncs by itself.
//
// It may be killed at any time, and started again with the same configuration.

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tests/fault/library_peer.h"

namespace duet {
namespace {

using nlohmann::json;

// Throws std::runtime_error for a name outside the grammar.
template <typename Name>
Name name_from(const json& value) {
  const auto name = Name::parse(value.get<std::string>());
  if (!name) throw std::runtime_error("not a name: " + value.dump());
  return *name;
}

LibraryPeerSpec spec_from(const json& device) {
  LibraryPeerSpec spec{
      .device = {name_from<UserId>(device.at("user")), name_from<DeviceId>(device.at("device"))},
      .peers = {},
      .token = device.at("token"),
      .version = device.at("version"),
      .url = device.at("url"),
      .interval = std::chrono::milliseconds(device.at("interval_ms").get<int>()),
      .record = device.at("record").get<std::string>(),
      .state = device.at("state").get<std::string>(),
      .receipts = device.at("receipts")};
  for (const json& peer : device.at("peers")) spec.peers.push_back(name_from<UserId>(peer));
  return spec;
}

// Any thread.
class LibraryPeers {
 public:
  explicit LibraryPeers(const json& devices) {
    for (const json& device : devices) {
      peers_.push_back(std::make_unique<LibraryPeer>(spec_from(device), [this] { changed(); }));
    }
    {
      const std::lock_guard lock(mutex_);
      complete_ = true;
    }
    changed();
    clock_ = std::jthread([this](const std::stop_token& stop) { tell_status(stop); });
  }

  // First those that call back.
  ~LibraryPeers() {
    {
      const std::lock_guard lock(mutex_);
      complete_ = false;
    }
    peers_.clear();
  }
  LibraryPeers(const LibraryPeers&) = delete;
  LibraryPeers& operator=(const LibraryPeers&) = delete;

  void obey(const std::string& command) {
    if (command == "stop") {
      for (const auto& peer : peers_) peer->stop_publishing();
      {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
      }
      changed();
    } else if (command == "sync") {
      const std::lock_guard lock(mutex_);
      say({{"event", "synced"}});
    }
  }

 private:
  void changed() {
    const std::lock_guard lock(mutex_);
    if (!complete_) return;
    if (!ready_) {
      for (const auto& peer : peers_) {
        if (!peer->tried_to_connect()) return;
      }
      ready_ = true;
      say({{"event", "ready"}});
    }
    if (!stopped_) return;
    const std::size_t unconfirmed = sum(&LibraryPeer::unconfirmed);
    if (unconfirmed != last_unconfirmed_) say({{"event", "stopped"}, {"unconfirmed", unconfirmed}});
    last_unconfirmed_ = unconfirmed;
  }

  void tell_status(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      never_.wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
      if (!complete_) continue;
      const std::size_t published = sum(&LibraryPeer::published);
      say({{"event", "status"},
           {"confirmed", published - sum(&LibraryPeer::unconfirmed)},
           {"published", published},
           {"connections", sum(&LibraryPeer::connections)}});
    }
  }

  std::size_t sum(std::size_t (LibraryPeer::*count)() const) const {
    std::size_t total = 0;
    for (const auto& peer : peers_) total += (*peer.*count)();
    return total;
  }

  // Needs mutex_.
  static void say(const json& event) { std::cout << event.dump() << std::endl; }

  std::mutex mutex_;
  std::condition_variable_any never_;
  // Guarded by mutex_.
  bool complete_ = false;
  bool ready_ = false;
  bool stopped_ = false;
  std::optional<std::size_t> last_unconfirmed_;

  std::vector<std::unique_ptr<LibraryPeer>> peers_;  // constant while complete_
  std::jthread clock_;
};

int run_library_peers(const std::filesystem::path& file) {
  std::ifstream in(file);
  LibraryPeers peers(json::parse(in).at("devices"));
  for (std::string line; std::getline(std::cin, line) && line != "quit";) peers.obey(line);
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace duet

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("takes one argument, the configuration file");
  return duet::run_library_peers(argv[1]);
} catch (const std::exception& e) {
  std::cerr << "duet-library-peers: " << e.what() << '\n';
  return EXIT_FAILURE;
}
