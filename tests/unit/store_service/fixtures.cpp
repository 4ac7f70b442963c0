#include "tests/unit/store_service/fixtures.h"

#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <utility>

namespace duet {
namespace {

constexpr std::chrono::seconds kPatience{60};

Record record(RecordNumber n, RecordKind kind, std::string_view from, std::string_view to,
              std::string payload) {
  return {n,
          at_ms(1'000'000 + static_cast<std::int64_t>(n)),
          kind,
          user(from),
          device(from).device,
          user(to),
          std::move(payload)};
}

}  // namespace

Record message_record(RecordNumber n, std::string_view from, std::string_view to, std::string payload) {
  return record(n, RecordKind::message, from, to, std::move(payload));
}

Record receipt_record(RecordNumber n, std::string_view from, std::string_view to, std::string payload) {
  return record(n, RecordKind::receipt, from, to, std::move(payload));
}

std::string frame_of(const NodeId& node, RecordNumber previous, const std::vector<Record>& records) {
  std::string bytes;
  for (const auto& one : records) {
    encode_record({one.n, one.ts, one.kind, one.user, one.device, one.peer, one.payload}, bytes);
  }
  return encode_ingest_frame(node, previous, static_cast<std::uint32_t>(records.size()), bytes);
}

TemporaryDirectory::TemporaryDirectory() {
  std::string name = std::filesystem::temp_directory_path() / "duet-store-test-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

PublishResult RecordingPublisher::publish(Link::Publish message, std::function<void(bool)> on_done) {
  bool done = false;
  {
    const std::lock_guard lock(mutex_);
    if (result_ != PublishResult::accepted) return result_;
    sent_.push_back({std::move(message.topic), std::move(message.payload),
                     std::move(message.correlation_data), message.lane});
    done = at_once_;
    if (!done && on_done) unsettled_.push_back(on_done);
  }
  if (done && on_done) on_done(true);
  return PublishResult::accepted;
}

void RecordingPublisher::reconnect() {
  const std::lock_guard lock(mutex_);
  ++reconnects_;
}

void RecordingPublisher::answer_with(PublishResult result) {
  const std::lock_guard lock(mutex_);
  result_ = result;
}

void RecordingPublisher::acknowledge(bool at_once) {
  const std::lock_guard lock(mutex_);
  at_once_ = at_once;
}

void RecordingPublisher::settle(bool ok) {
  std::vector<std::function<void(bool)>> unsettled;
  {
    const std::lock_guard lock(mutex_);
    unsettled.swap(unsettled_);
  }
  for (const auto& done : unsettled) done(ok);
}

std::vector<RecordingPublisher::Sent> RecordingPublisher::sent() const {
  const std::lock_guard lock(mutex_);
  return sent_;
}

std::vector<RecordingPublisher::Sent> RecordingPublisher::sent(std::string_view topic) const {
  std::vector<Sent> some;
  for (auto& one : sent()) {
    if (one.topic == topic) some.push_back(std::move(one));
  }
  return some;
}

std::vector<RecordingPublisher::Sent> RecordingPublisher::delivered() const {
  std::vector<Sent> all;
  for (const auto& frame : sent("deliver/0")) {
    const auto deliveries = decode_deliver_frame(frame.payload);
    for (const auto& one : deliveries.value()) {
      all.push_back({std::string(one.topic), std::string(one.payload), ""});
    }
  }
  return all;
}

std::vector<std::string> RecordingPublisher::delivered_topics() const {
  std::vector<std::string> topics;
  for (auto& one : delivered()) topics.push_back(std::move(one.topic));
  return topics;
}

int RecordingPublisher::reconnects() const {
  const std::lock_guard lock(mutex_);
  return reconnects_;
}

void RecordingPublisher::clear() {
  const std::lock_guard lock(mutex_);
  sent_.clear();
}

bool RecordingPublisher::wait_for(std::string_view topic, std::size_t count) const {
  return eventually([&] { return sent(topic).size() >= count; });
}

}  // namespace duet
