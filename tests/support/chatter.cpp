#include "tests/support/chatter.h"

#include "protocol/json_codec.h"
#include "tests/support/test_device.h"
#include "tests/support/test_platform.h"

namespace duet {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kReconnectInterval{50};
// A reply may be lost with the store that owed it; then the question is asked again.
constexpr std::chrono::seconds kReplyPatience{2};

}  // namespace

Chatter::Chatter(const TestPlatform& platform, ChatterSpec spec)
    : platform_(platform),
      spec_(std::move(spec)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Chatter::~Chatter() {
  thread_.request_stop();
  thread_.join();
}

void Chatter::run(const std::stop_token& stop) {
  auto next = Clock::now();
  while (!stop.stop_requested()) {
    if (!mqtt_ || !mqtt_->connected()) {
      if (!connect() || !sync() || !resend()) {
        wait(stop, Clock::now() + kReconnectInterval);
        continue;
      }
      next = Clock::now();
    }
    settle_pubacks();
    bool publishing = false;
    bool sync_wanted = false;
    {
      const std::lock_guard lock(mutex_);
      publishing = publishing_;
      sync_wanted = sync_wanted_;
    }
    if (sync_wanted && sync()) {
      const std::lock_guard lock(mutex_);
      sync_wanted_ = false;
    }
    if (publishing) publish_next();
    next += spec_.interval;
    wait(stop, next);
  }
}

void Chatter::wait(const std::stop_token& stop, Clock::time_point until) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, stop, until, [] { return false; });
}

bool Chatter::connect() {
  settle_pubacks();
  mqtt_.reset();
  unacknowledged_.clear();
  mqtt_ = std::make_unique<TestClient>(ConnectSpec{.port = platform_.mqtt_port(),
                                                   .version = spec_.version,
                                                   .client_id = spec_.user + ":" + spec_.device,
                                                   .username = spec_.user,
                                                   .password = platform_.tokens().chat(spec_.user),
                                                   .will = {}});
  mqtt_->set_listener([this](const Received& received) { take(received); });
  const int answer = mqtt_->connect();
  if (answer != kSuccess) {
    if (answer != kNoAnswer) complain("CONNACK " + std::to_string(answer));
    mqtt_.reset();
    return false;
  }
  const std::lock_guard lock(mutex_);
  ++connections_;
  return true;
}

// Subscribes and catches up. False: the connection was lost; connect again.
bool Chatter::sync() {
  const std::string device = "u/" + spec_.user + "/d/" + spec_.device;
  if (mqtt_->subscribe("u/" + spec_.user + "/in/#") == kNoAnswer) return false;
  if (mqtt_->subscribe(device + "/#") == kNoAnswer) return false;
  while (mqtt_->connected()) {
    json request = {{"req", "sync-" + std::to_string(++questions_)}, {"limit", 200}};
    if (!cursor_.empty()) request["cursor"] = cursor_;
    mqtt_->publish({.topic = device + "/req/sync", .payload = request.dump(), .correlation = {}});
    const auto reply = mqtt_->wait_for(
        [&](const Received& received) {
          return received.topic == device + "/reply" && received.json().value("req", "") == request["req"];
        },
        kReplyPatience);
    if (!reply || !reply->json().contains("result")) {  // lost with the store, or `unavailable` without one
      eventually([&] { return !mqtt_->connected(); }, kReconnectInterval);
      continue;
    }
    const json page = reply->json().at("result");
    {
      const std::lock_guard lock(mutex_);
      for (const json& change : page.at("changes")) {
        if (change.at("kind") != "receipt") take_envelope(change, record_.synced);
      }
    }
    cursor_ = page.at("cursor");
    if (page.at("live").get<bool>()) return true;
  }
  return false;
}

// In order, everything that is not known to be stored.
bool Chatter::resend() {
  std::vector<std::size_t> indexes;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < record_.published.size(); ++i) {
      if (!confirmed_.contains(record_.published[i].id)) indexes.push_back(i);
    }
  }
  for (const std::size_t index : indexes) {
    if (!publish(index)) return false;
  }
  return true;
}

void Chatter::publish_next() {
  std::size_t index = 0;
  {
    const std::lock_guard lock(mutex_);
    index = record_.published.size();
    const std::string number = std::to_string(index + 1);
    record_.published.push_back({spec_.device + "-" + number, spec_.user + " says " + number});
  }
  publish(index);
}

bool Chatter::publish(std::size_t index) {
  json payload;
  {
    const std::lock_guard lock(mutex_);
    payload = {{"id", record_.published[index].id}, {"body", record_.published[index].body}};
  }
  const auto token = mqtt_->publish_async(
      {.topic = msg_topic(spec_.user, spec_.peer), .payload = payload.dump(), .correlation = {}});
  if (!token) return false;
  unacknowledged_.emplace_back(*token, index);
  return true;
}

void Chatter::settle_pubacks() {
  if (!mqtt_) return;
  for (; !unacknowledged_.empty(); unacknowledged_.pop_front()) {
    const auto [token, index] = unacknowledged_.front();
    const auto reason = mqtt_->puback_of(token);
    if (!reason) return;
    if (!accepted(*reason)) complain("PUBACK " + std::to_string(*reason));
    const std::lock_guard lock(mutex_);
    record_.published[index].acknowledged = record_.published[index].acknowledged || accepted(*reason);
  }
}

void Chatter::take(const Received& received) {
  if (received.topic.ends_with("/error")) take_error(received);
  if (!received.topic.ends_with("/msg") && !received.topic.ends_with("/sent")) return;
  const std::lock_guard lock(mutex_);
  take_envelope(received.json(), record_.live);
}

// Requests may find no store, and are asked again. Messages must always be taken.
void Chatter::take_error(const Received& received) {
  const json error = received.json();
  const bool expected =
      error.value("code", "") == "unavailable" && error.value("topic", "").ends_with("/req/sync");
  if (!expected) complain("error event " + received.payload);
}

// Needs mutex_.
void Chatter::take_envelope(const json& value, std::vector<Envelope>& into) {
  const auto envelope = envelope_from(value);
  if (!envelope) {
    complaints_.push_back("no envelope: " + value.dump());
    return;
  }
  if (envelope->from.str() == spec_.user) confirmed_.insert(envelope->id.str());
  seen_.insert(envelope->seq);
  into.push_back(*envelope);
  changed_.notify_all();
}

void Chatter::complain(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (complaints_.size() < 20) complaints_.push_back(spec_.user + ": " + what);
}

std::size_t Chatter::confirmed() const {
  const std::lock_guard lock(mutex_);
  return confirmed_.size();
}

std::size_t Chatter::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

bool Chatter::finish() {
  std::unique_lock lock(mutex_);
  publishing_ = false;
  return changed_.wait_for(lock, kPatience, [this] { return confirmed_.size() == record_.published.size(); });
}

Seq Chatter::highest_seen() const {
  const std::lock_guard lock(mutex_);
  return seen_.empty() ? 0 : *seen_.rbegin();
}

bool Chatter::seen_all(Seq at_least) const {
  const std::lock_guard lock(mutex_);
  return seen_.size() >= at_least && *seen_.rbegin() == seen_.size();
}

void Chatter::sync_again() {
  {
    const std::lock_guard lock(mutex_);
    sync_wanted_ = true;
  }
  eventually([this] {
    const std::lock_guard lock(mutex_);
    return !sync_wanted_;
  });
}

DeviceRecord Chatter::record() const {
  const std::lock_guard lock(mutex_);
  return record_;
}

std::vector<std::string> Chatter::complaints() const {
  const std::lock_guard lock(mutex_);
  return complaints_;
}

}  // namespace duet
