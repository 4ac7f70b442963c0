// tests/fault/library_peer.h: a device on our client library that keeps chatting and writes down what it does
// and is told (tests/fault/record.h). duet-library-peers runs many.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "client/client.h"

namespace duet {

struct LibraryPeerSpec {
  Device device;
  std::vector<UserId> peers;  // sent to in turn; none: it only listens
  std::string token;
  int version = 5;  // 4: MQTT 3.1.1
  std::string url;
  std::chrono::milliseconds interval{100};  // between two messages
  std::filesystem::path record;
  std::filesystem::path state;
  bool receipts = true;
};

// A file of lines, each appended in one write. Any thread.
class RecordFile {
 public:
  // What an earlier process left unfinished at the end is cut off. Throws std::system_error.
  explicit RecordFile(const std::filesystem::path& path);
  ~RecordFile();
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;

  // Throws std::system_error when the line could not be written whole.
  void write(const nlohmann::json& line) const;

 private:
  int descriptor_;
};

// Chats from construction, which goes on from the record and the state of an earlier process, to destruction.
// The functions may be called from any thread; `on_change` is, too, when something that they tell has
// changed.
class LibraryPeer {
 public:
  LibraryPeer(LibraryPeerSpec spec, std::function<void()> on_change);
  ~LibraryPeer();
  LibraryPeer(const LibraryPeer&) = delete;
  LibraryPeer& operator=(const LibraryPeer&) = delete;

  void stop_publishing();
  bool tried_to_connect() const;
  // Messages, earlier processes' included.
  std::size_t published() const;
  std::size_t unconfirmed() const;
  std::size_t connections() const;

 private:
  void resume();
  ClientHandlers handlers();
  void run(const std::stop_token& stop);
  void publish_next();
  void send(const UserId& peer, const std::string& id, const std::string& body);
  void on_message(const Envelope& envelope);
  void on_sent(const Envelope& envelope);
  void on_state(const std::string& state);
  void complain(const std::string& what);
  std::size_t random_below(std::size_t limit);

  const LibraryPeerSpec spec_;
  const std::function<void()> on_change_;
  const RecordFile record_;

  mutable std::mutex mutex_;
  std::condition_variable_any woken_;
  // Guarded by mutex_.
  std::unordered_set<std::string> unconfirmed_;  // ids
  std::size_t published_ = 0;
  std::size_t connections_ = 0;
  bool tried_ = false;
  bool publishing_ = true;
  std::minstd_rand random_{std::random_device{}()};

  std::unique_ptr<Client> client_;
  std::jthread thread_;
};

}  // namespace duet
