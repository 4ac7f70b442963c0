// tests/unit/store_service/fixtures.h: names, records, a scratch directory and a connection that remembers.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "protocol/frame.h"
#include "store_service/publisher.h"

namespace duet {

inline UserId user(std::string_view name) {
  return UserId::parse(name).value();
}
inline MessageId message_id(std::string_view id) {
  return MessageId::parse(id).value();
}
inline Device device(std::string_view name, std::string_view device = "phone") {
  return {user(name), DeviceId::parse(device).value()};
}
inline Timestamp at_ms(std::int64_t ms) {
  return Timestamp(std::chrono::milliseconds(ms));
}
inline NodeId node(char digit = 'a') {
  return NodeId::parse(std::string(kNodeIdBytes, digit)).value();
}

Record message_record(RecordNumber n, std::string_view from, std::string_view to, std::string payload);
Record receipt_record(RecordNumber n, std::string_view from, std::string_view to, std::string payload);

// An encoded ingest frame of these records.
std::string frame_of(const NodeId& node, RecordNumber previous, const std::vector<Record>& records);

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Waits for a condition that nobody signals. False after a time that only a broken program needs.
bool eventually(const std::function<bool()>& condition);

// A connection that keeps what is published. Thread-safe.
class RecordingPublisher final : public Publisher {
 public:
  struct Sent {
    std::string topic;
    std::string payload;
    std::string correlation_data = {};
    Link::Lane lane = Link::Lane::normal;
  };

  PublishResult publish(Link::Publish message, std::function<void(bool)> on_done = {}) override;
  void reconnect() override;

  // What later publishes come to. Acknowledged at once unless acknowledging is off.
  void answer_with(PublishResult result);
  void acknowledge(bool at_once);
  // Settles all publishes that wait for it.
  void settle(bool ok);

  std::vector<Sent> sent() const;
  std::vector<Sent> sent(std::string_view topic) const;
  // What is in the deliver frames, frame by frame, and topic by topic.
  std::vector<Sent> delivered() const;
  std::vector<std::string> delivered_topics() const;
  int reconnects() const;
  void clear();
  // Returns once `count` messages to the topic have been published; false if they never are.
  bool wait_for(std::string_view topic, std::size_t count) const;

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<Sent> sent_;
  std::vector<std::function<void(bool)>> unsettled_;
  PublishResult result_ = PublishResult::accepted;
  bool at_once_ = true;
  int reconnects_ = 0;
};

}  // namespace duet
