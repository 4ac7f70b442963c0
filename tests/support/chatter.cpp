#include "tests/support/chatter.h"

#include <algorithm>
#include <utility>

#include "protocol/json_codec.h"
#include "tests/support/test_device.h"
#include "tests/support/test_platform.h"

namespace duet {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kReconnectInterval{50};
// A reply may be lost with the store that owed it: then the question is asked again, with growing pauses, as
// a store that is only slow must not get more to do.
constexpr std::chrono::seconds kReplyPatience{2};
constexpr std::chrono::seconds kMaxReplyPatience{20};
// How long the broker keeps a persistent session.
constexpr std::uint32_t kSessionExpiryS = 3600;
// Of so many receipts one says `read`, the others `delivered`.
constexpr Seq kReadEvery = 3;

}  // namespace

Chatter::Chatter(const TestPlatform& platform, ChatterSpec spec)
    : platform_(platform),
      spec_(std::move(spec)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Chatter::~Chatter() {
  blind_until_ = 0;
  thread_.request_stop();
  thread_.join();
  mqtt_.reset();  // its own thread puts what comes in where it is not any more after this
}

void Chatter::run(const std::stop_token& stop) {
  auto next = Clock::now();
  while (!stop.stop_requested()) {
    if (!mqtt_ || !mqtt_->connected()) {
      if (!go_live(stop)) {
        wait(stop, Clock::now() + kReconnectInterval);
        continue;
      }
      next = Clock::now();
    }
    turn(stop);
    next += spec_.interval;
    wait(stop, next);
  }
}

bool Chatter::go_live(const std::stop_token& stop) {
  return connect() && sync(stop) && resend();
}

// What is done once in each interval of a connection's life.
void Chatter::turn(const std::stop_token& stop) {
  settle_pubacks();
  const Wishes wanted = wishes();
  if (wanted.drop) return mqtt_->drop();
  if (wanted.sync && sync(stop)) {
    const std::lock_guard lock(mutex_);
    sync_wanted_ = false;
  }
  if (!publish_refused() && wanted.publish) publish_next();
  if (spec_.receipts) publish_receipt();
  note_quiet();
}

void Chatter::note_quiet() {
  if (!unacknowledged_.empty()) return;
  const std::lock_guard lock(mutex_);
  if (!spec_.receipts || receipt_told_ == seen_.size()) quiet_at_ = seen_.size();
}

Chatter::Wishes Chatter::wishes() {
  const std::lock_guard lock(mutex_);
  const std::size_t most = spec_.one_at_a_time ? 1 : spec_.max_waiting;
  return {publishing_ && waiting_.size() < most, sync_wanted_, std::exchange(drop_wanted_, false)};
}

void Chatter::wait(const std::stop_token& stop, Clock::time_point until) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, stop, until, [] { return false; });
}

bool Chatter::connect() {
  settle_pubacks();
  mqtt_.reset();
  unacknowledged_.clear();
  const bool door = spec_.entrance == Entrance::door;
  mqtt_ = std::make_unique<TestClient>(ConnectSpec{
      .port = door ? platform_.mqtts_port() : platform_.mqtt_port(),
      .ca_file = door ? platform_.ca_file() : std::filesystem::path{},
      .version = spec_.version,
      .client_id = spec_.user + ":" + spec_.device,
      .username = spec_.user,
      .password = spec_.token.empty() ? platform_.tokens().chat(spec_.user) : spec_.token,
      .clean = spec_.clean,
      .session_expiry_s = spec_.clean || spec_.version == MqttVersion::v3_1_1 ? 0 : kSessionExpiryS,
      .will = {}});
  mqtt_->set_listener([this](const Received& received) { take(received); });
  const int answer = mqtt_->connect();
  if (answer != kSuccess) {
    if (answer != kNoAnswer) complain("CONNACK " + std::to_string(answer));
    mqtt_.reset();
    return false;
  }
  for (const Publish& greeting : spec_.greetings) mqtt_->publish_async(greeting);
  const std::lock_guard lock(mutex_);
  ++connections_;
  return true;
}

// Subscribes and catches up. False: the connection was lost (connect again), or the end was asked for.
bool Chatter::sync(const std::stop_token& stop) {
  const std::string device = "u/" + spec_.user + "/d/" + spec_.device;
  if (mqtt_->subscribe("u/" + spec_.user + "/in/#") == kNoAnswer) return false;
  if (mqtt_->subscribe(device + "/#") == kNoAnswer) return false;
  while (const auto reply = ask_sync(stop)) {
    if (!reply->contains("result")) {  // `unavailable`, without a store
      eventually([&] { return !mqtt_->connected(); }, kReconnectInterval);
      continue;
    }
    const json page = reply->at("result");
    take_page(page);
    cursor_ = page.at("cursor");
    if (page.at("live").get<bool>()) return true;
  }
  return false;
}

// Asks for the next page until there is a reply. Nullopt: the connection was lost, or the end was asked for.
std::optional<json> Chatter::ask_sync(const std::stop_token& stop) {
  const std::string device = "u/" + spec_.user + "/d/" + spec_.device;
  const std::string req = "sync-" + std::to_string(++questions_);
  json request = {{"req", req}, {"limit", 200}};
  if (!cursor_.empty()) request["cursor"] = cursor_;
  const auto is_reply = [&](const Received& received) {
    // Old replies may be many and large: only this one is parsed.
    return received.topic == device + "/reply" && received.payload.find(req) != std::string::npos &&
           received.json().value("req", "") == req;
  };
  for (auto patience = kReplyPatience; mqtt_->connected() && !stop.stop_requested();
       patience = std::min(2 * patience, kMaxReplyPatience)) {
    mqtt_->publish({.topic = device + "/req/sync", .payload = request.dump(), .correlation = {}});
    if (const auto reply = mqtt_->wait_for(is_reply, patience)) return reply->json();
  }
  return std::nullopt;
}

void Chatter::take_page(const json& page) {
  const std::lock_guard lock(mutex_);
  for (const json& change : page.at("changes")) {
    if (change.at("kind") != "receipt") {
      take_envelope(change, record_.synced);
    } else if (const auto receipt = receipt_from(change); receipt && change.at("peer") == spec_.peer) {
      take_marks(*receipt, record_.synced_marks);
    }
  }
}

// In order, everything that is not known to be stored.
bool Chatter::resend() {
  std::set<std::size_t> indexes;
  {
    const std::lock_guard lock(mutex_);
    indexes = waiting_;
    if (!spec_.resend) {
      for (const std::size_t index : indexes) give_up(index);
      return true;
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
    published_at_.emplace_back();
    waiting_.insert(index);
  }
  publish(index);
}

bool Chatter::publish(std::size_t index) {
  json payload;
  {
    const std::lock_guard lock(mutex_);
    payload = {{"id", record_.published[index].id}, {"body", record_.published[index].body}};
    published_at_[index] = Clock::now();
  }
  const auto token = mqtt_->publish_async(
      {.topic = msg_topic(spec_.user, spec_.peer), .payload = payload.dump(), .correlation = {}});
  if (!token) return false;
  unacknowledged_.push_back({*token, index, {}});
  return true;
}

bool Chatter::publish_refused() {
  std::optional<std::size_t> index;
  {
    const std::lock_guard lock(mutex_);
    index = std::exchange(again_, std::nullopt);
  }
  if (index) publish(*index);
  return index.has_value();
}

// Up to the last seq before the first hole.
void Chatter::publish_receipt() {
  Seq seq = receipt_told_;
  {
    const std::lock_guard lock(mutex_);
    while (seen_.contains(seq + 1)) ++seq;
  }
  if (seq == receipt_told_) return;
  const std::string member = seq % kReadEvery == 0 ? "read" : "delivered";
  const auto token = mqtt_->publish_async({.topic = receipt_topic(spec_.user, spec_.peer),
                                           .payload = json{{member, seq}}.dump(),
                                           .correlation = {}});
  if (!token) return;
  receipt_told_ = seq;
  unacknowledged_.push_back({*token, std::nullopt, {spec_.user, seq, member == "read" ? seq : 0}});
}

void Chatter::settle_pubacks() {
  if (!mqtt_) return;
  for (; !unacknowledged_.empty(); unacknowledged_.pop_front()) {
    const auto reason = mqtt_->puback_of(unacknowledged_.front().token);
    if (!reason) return;
    settle(unacknowledged_.front(), *reason);
  }
}

void Chatter::settle(const Unacknowledged& sent, int reason) {
  if (!accepted(reason) && !bears_refusals()) complain("PUBACK " + std::to_string(reason));
  const std::lock_guard lock(mutex_);
  if (!sent.index) {
    // A refused receipt is covered by the next one; a 3.1.1 client hears of it on `error` only.
    if (!accepted(reason) || (bears_refusals() && spec_.version == MqttVersion::v3_1_1)) return;
    MarksTold& told = record_.acknowledged_marks;
    told = {spec_.user, std::max(told.delivered, sent.receipt.delivered),
            std::max(told.read, sent.receipt.read)};
    return;
  }
  // MQTT 3.1.1 has no refusal in PUBACK: it was told on `error`, and the PUBACK comes all the same.
  if (accepted(reason) && spec_.version == MqttVersion::v3_1_1 && refused_[*sent.index] > 0) {
    --refused_[*sent.index];
    return;
  }
  if (accepted(reason)) {
    record_.published[*sent.index].acknowledged = true;
  } else if (!spec_.one_at_a_time) {  // else the error event that comes too is what counts
    give_up(*sent.index);
  }
}

void Chatter::complain(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (complaints_.size() < 20) complaints_.push_back(spec_.user + ": " + what);
}

std::size_t Chatter::confirmed() const {
  const std::lock_guard lock(mutex_);
  return confirmed_;
}

std::size_t Chatter::published() const {
  const std::lock_guard lock(mutex_);
  return record_.published.size();
}

std::size_t Chatter::given_up() const {
  const std::lock_guard lock(mutex_);
  return given_up_;
}

std::size_t Chatter::refusals() const {
  const std::lock_guard lock(mutex_);
  return refusals_;
}

std::size_t Chatter::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

void Chatter::drop() {
  const std::lock_guard lock(mutex_);
  drop_wanted_ = true;
}

void Chatter::stop_reading(std::chrono::milliseconds time) {
  blind_until_ = (Clock::now() + time).time_since_epoch().count();
}

bool Chatter::finish(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  publishing_ = false;
  return changed_.wait_for(lock, patience, [this] { return waiting_.empty(); });
}

bool Chatter::quiet() const {
  const std::lock_guard lock(mutex_);
  return !publishing_ && waiting_.empty() && quiet_at_ == seen_.size();
}

Seq Chatter::highest_seen() const {
  const std::lock_guard lock(mutex_);
  return seen_.empty() ? 0 : *seen_.rbegin();
}

bool Chatter::seen_all(Seq at_least) const {
  const std::lock_guard lock(mutex_);
  return seen_.size() >= at_least && *seen_.rbegin() == seen_.size();
}

void Chatter::want_sync() {
  const std::lock_guard lock(mutex_);
  sync_wanted_ = true;
}

bool Chatter::synced() const {
  const std::lock_guard lock(mutex_);
  return !sync_wanted_;
}

void Chatter::sync_again() {
  want_sync();
  eventually([this] { return synced(); });
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
