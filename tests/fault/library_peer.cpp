#include "tests/fault/library_peer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <stdexcept>
#include <system_error>

#include "protocol/json_codec.h"
#include "tests/fault/record.h"
#include "tests/support/process.h"

namespace duet {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxUnconfirmed = 50;
constexpr std::size_t kMaxPadding = 2'000;

std::system_error record_error(const std::filesystem::path& path) {
  return {errno, std::system_category(), path.string()};
}

// Where the last whole line ends.
std::uintmax_t end_of_lines(const std::filesystem::path& path) {
  const std::string text = text_of(path);
  const auto last = text.rfind('\n');
  return last == std::string::npos ? 0 : last + 1;
}

}  // namespace

RecordFile::RecordFile(const std::filesystem::path& path)
    : descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
  if (descriptor_ < 0) throw record_error(path);
  std::filesystem::resize_file(path, end_of_lines(path));
}

RecordFile::~RecordFile() {
  ::close(descriptor_);
}

void RecordFile::write(const json& line) const {
  const std::string text = line.dump() + "\n";
  const auto written = ::write(descriptor_, text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size())) throw record_error("the record file");
}

LibraryPeer::LibraryPeer(LibraryPeerSpec spec, std::function<void()> on_change)
    : spec_(std::move(spec)), on_change_(std::move(on_change)), record_(spec_.record) {
  client_ = std::make_unique<Client>(ClientOptions{.uri = spec_.url,
                                                   .device = spec_.device,
                                                   .token = [this] { return spec_.token; },
                                                   .state_directory = spec_.state,
                                                   .receipts = spec_.receipts,
                                                   .mqtt_version = spec_.version},
                                     handlers());
  resume();
  client_->start();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

LibraryPeer::~LibraryPeer() {
  thread_.request_stop();
  thread_.join();
  // Its handlers run until it has gone, and use the pointer, which reset() would take from them first.
  std::default_delete<Client>()(client_.get());
  static_cast<void>(client_.release());
}

// What the earlier process wrote down last may be a message that it did not live to put into the outbox.
void LibraryPeer::resume() {
  const PeerRecord record = read_record(spec_.record, spec_.device.user);
  published_ = record.published();
  connections_ = record.connects;
  for (const auto& [peer, conversation] : record.conversations) {
    std::unordered_set<std::string> stored;
    for (const Envelope& envelope : conversation.messages.live) {
      if (envelope.from == spec_.device.user) stored.insert(envelope.id.str());
    }
    for (const Attempt& attempt : conversation.messages.published) {
      if (stored.contains(attempt.id)) continue;
      unconfirmed_.insert(attempt.id);
      if (!attempt.acknowledged) send(UserId::parse(peer).value(), attempt.id, attempt.body);
    }
  }
}

ClientHandlers LibraryPeer::handlers() {
  ClientHandlers handlers;
  handlers.on_message = [this](const Envelope& envelope) { on_message(envelope); };
  handlers.on_sent = [this](const Envelope& envelope) { on_sent(envelope); };
  handlers.on_receipt = [this](const UserId& peer, const Receipt& receipt) {
    record_.write({{"t", "marks"},
                   {"peer", peer.str()},
                   {"by", receipt.by.str()},
                   {"delivered", receipt.delivered},
                   {"read", receipt.read}});
  };
  handlers.on_refused = [this](const MessageId& id, const Refusal& refusal) {
    complain("message " + id.str() + " was refused: " + std::string(to_string(refusal.code)));
  };
  handlers.on_error = [this](const ErrorEvent& error) {
    const bool expected = error.refusal.code == ErrorCode::unavailable &&
                          error.topic.find("/req/") != std::string::npos;  // asked again
    if (!expected)
      complain("error event " + std::string(to_string(error.refusal.code)) + " for " + error.topic);
  };
  handlers.on_live = [this] {
    record_.write({{"t", "connect"}});
    {
      const std::lock_guard lock(mutex_);
      ++connections_;
      tried_ = true;
    }
    on_change_();
  };
  handlers.on_failed = [this](const std::string& why) { complain("the client failed: " + why); };
  handlers.on_state = [this](const std::string& state) { on_state(state); };
  return handlers;
}

void LibraryPeer::on_message(const Envelope& envelope) {
  record_.write({{"t", "told"}, {"envelope", to_json(envelope)}});
  if (!spec_.receipts || random_below(5) != 0) return;
  record_.write({{"t", "receipt"}, {"peer", envelope.from.str()}, {"read", envelope.seq}});
  client_->mark_read(envelope.from, envelope.seq);
}

void LibraryPeer::on_sent(const Envelope& envelope) {
  record_.write({{"t", "told"}, {"envelope", to_json(envelope)}});
  {
    const std::lock_guard lock(mutex_);
    if (unconfirmed_.erase(envelope.id.str()) == 0) return;
  }
  woken_.notify_all();
  on_change_();
}

// Any sentence is the end of an attempt, or of a connection.
void LibraryPeer::on_state(const std::string& state) {
  std::cerr << format_client_id(spec_.device) + ": " + state + "\n";
  for (const char* refusal :
       {"not authorized", "bad user name", "identifier rejected", "the subscription to "}) {
    if (state.find(refusal) != std::string::npos) complain(state);
  }
  {
    const std::lock_guard lock(mutex_);
    tried_ = true;
  }
  on_change_();
}

void LibraryPeer::run(const std::stop_token& stop) {
  const auto first = std::chrono::milliseconds(random_below(100)) * spec_.interval.count() / 100;
  auto next = std::chrono::steady_clock::now() + first;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      woken_.wait_until(lock, stop, next, [] { return false; });
      woken_.wait(lock, stop, [this] {
        return publishing_ && !spec_.peers.empty() && unconfirmed_.size() < kMaxUnconfirmed;
      });
    }
    if (stop.stop_requested()) return;
    publish_next();
    next = std::max(next + spec_.interval, std::chrono::steady_clock::now());
  }
}

void LibraryPeer::publish_next() {
  const std::size_t padding = random_below(4) == 0 ? random_below(kMaxPadding) : 0;
  std::size_t number = 0;
  std::string id;
  {
    const std::lock_guard lock(mutex_);
    if (!publishing_) return;
    number = ++published_;
    id = spec_.device.device.str() + "-" + std::to_string(number);
    unconfirmed_.insert(id);
  }
  const UserId& peer = spec_.peers[number % spec_.peers.size()];
  const std::string body =
      spec_.device.user.str() + " says " + std::to_string(number) + " " + std::string(padding, 'x');
  record_.write({{"t", "pub"}, {"peer", peer.str()}, {"id", id}, {"body", body}});
  on_change_();
  send(peer, id, body);
}

void LibraryPeer::send(const UserId& peer, const std::string& id, const std::string& body) {
  try {
    const auto sent = client_->send(peer, body, std::string(kDefaultMessageType), MessageId::parse(id));
    if (!sent) return complain("send: " + std::string(to_string(sent.error().code)));
    record_.write({{"t", "ack"}, {"peer", peer.str()}, {"id", id}});
  } catch (const std::runtime_error& e) {
    complain(std::string("send: ") + e.what());
  }
}

void LibraryPeer::stop_publishing() {
  const std::lock_guard lock(mutex_);
  publishing_ = false;
}

bool LibraryPeer::tried_to_connect() const {
  const std::lock_guard lock(mutex_);
  return tried_;
}

std::size_t LibraryPeer::published() const {
  const std::lock_guard lock(mutex_);
  return published_;
}

std::size_t LibraryPeer::unconfirmed() const {
  const std::lock_guard lock(mutex_);
  return unconfirmed_.size();
}

std::size_t LibraryPeer::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

void LibraryPeer::complain(const std::string& what) {
  record_.write({{"t", "complaint"}, {"what", format_client_id(spec_.device) + ": " + what}});
}

std::size_t LibraryPeer::random_below(std::size_t limit) {
  const std::lock_guard lock(mutex_);
  return random_() % limit;
}

}  // namespace duet
