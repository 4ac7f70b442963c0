#include "privacy_kit/stage.h"

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace duet::privacy {
namespace {

using nlohmann::json;

DeviceId device_id(const std::string& text) {
  return DeviceId::parse(text).value();
}

bool holds(const std::vector<Arrival>& arrivals, const std::string& topic, const std::string& text) {
  return std::any_of(arrivals.begin(), arrivals.end(), [&](const Arrival& one) {
    return one.topic == topic && one.payload.find(text) != std::string::npos;
  });
}

}  // namespace

void Pacer::wait() {
  if (per_second_ == 0) return;
  const auto now = std::chrono::steady_clock::now();
  if (next_ > now) std::this_thread::sleep_until(next_);
  next_ = std::max(next_, now) + std::chrono::microseconds(1'000'000 / per_second_);
}

std::string Party::own(DeviceKind kind, const std::string& method) const {
  return format_topic(DeviceTopic{*principal.device(), kind, method});
}

Stage::Stage(Endpoint server, std::string prefix, unsigned actions_per_second, TokenSource tokens,
             Report& report)
    : server_(std::move(server)),
      prefix_(std::move(prefix)),
      pacer_(actions_per_second),
      tokens_(std::move(tokens)),
      report_(report),
      ledger_("word" + prefix_, report) {}

UserId Stage::user(const std::string& name) const {
  return UserId::parse(prefix_ + name).value();
}

std::string Stage::fresh_device() {
  return "d" + std::to_string(++count_);
}

Party& Stage::join(const std::string& name, const UserId& user, const std::string& device) {
  return join_with(name, user, device, token(user));
}

Party& Stage::join_with(const std::string& name, const UserId& user, const std::string& device,
                        const std::string& token) {
  auto principal = Principal::of_device({user, device_id(device)}, Timestamp::max());
  auto& party = parties_.emplace_back(Party{name, std::move(principal), token, nullptr, {}});
  open(party);
  return party;
}

Party& Stage::serve(Role role, const std::string& token) {
  auto principal = Principal::of_service(role, "kit", Timestamp::max());
  auto& party = parties_.emplace_back(
      Party{"service " + std::string(to_string(role)), std::move(principal), token, nullptr, {}});
  open(party);
  return party;
}

void Stage::leave(const Party& party) {
  parties_.remove_if([&](const Party& one) { return &one == &party; });
}

std::unique_ptr<Connection> Stage::connect(const ConnectPacket& packet) {
  pacer_.wait();
  return std::make_unique<Connection>(server_, packet);
}

void Stage::open(Party& party) {
  ConnectPacket packet;
  packet.client_id = party.client_id();
  packet.password = party.token;
  party.link = connect(packet);
  if (const int code = party.link->connack(); code != kSuccess) {
    throw std::runtime_error(party.name + " cannot connect: " + reason_text(code));
  }
  if (!party.principal.device()) return;
  for (const auto& filter : {inbox_filter(party.user()), device_filter(*party.principal.device())}) {
    if (const int code = party.link->subscribe(filter); code < 0 || code >= 0x80) {
      throw std::runtime_error(party.name + " cannot subscribe to its own: " + reason_text(code));
    }
  }
  round_trip(party);
}

std::vector<std::string> Stage::revive() {
  std::vector<std::string> names;
  for (auto& party : parties_) {
    party.link->pump();
    if (party.link->open()) continue;
    judge_all(party);
    open(party);
    names.push_back(party.name);
  }
  return names;
}

int Stage::publish(Party& from, const std::string& topic, const std::string& payload,
                   const PublishFlags& flags) {
  pacer_.wait();
  return from.link->publish(topic, payload, flags);
}

int Stage::subscribe(Party& party, const std::string& filter) {
  pacer_.wait();
  return party.link->subscribe(filter);
}

json Stage::ask(Party& party, const std::string& method, json parameters) {
  const auto probe = ledger_.probe({party.name, "request", method}, party.client_id());
  parameters["req"] = probe;
  publish(party, party.own(DeviceKind::request, method), parameters.dump());
  const auto topic = party.own(DeviceKind::reply);
  if (!await(party, topic, probe)) return json(json::value_t::discarded);
  for (const auto& arrival : party.link->arrivals()) {
    if (arrival.topic != topic || arrival.payload.find(probe) == std::string::npos) continue;
    auto reply = json::parse(arrival.payload, nullptr, false);
    if (reply.is_object()) reply.erase("req");
    return reply;
  }
  return json(json::value_t::discarded);
}

std::string Stage::converse(Party& from, Party& to) {
  const auto topic = format_topic(OutTopic{from.user(), to.user(), OutKind::message});
  auto probe = ledger_.probe({from.name, "publish", topic}, from.client_id());
  ledger_.permit_conversation(probe, from.user(), to.user());
  const int code = publish(from, topic, json{{"id", probe}, {"body", probe}}.dump());
  const bool stored = await(from, format_topic(InTopic{from.user(), to.user(), InKind::sent}), probe);
  if (!stored || !await(to, format_topic(InTopic{to.user(), from.user(), InKind::message}), probe)) {
    throw std::runtime_error("a message of " + from.name + " does not reach " + to.name + " (PUBACK: " +
                             reason_text(code) + "): with a platform that does not work nothing is proved");
  }
  return probe;
}

bool Stage::await(Party& at, const std::string& topic, const std::string& text,
                  std::chrono::seconds patience) {
  if (ledger_.arrived(topic, text, at.client_id())) return true;
  return at.link->wait([&] { return holds(at.link->arrivals(), topic, text); }, patience);
}

// What the server had for this device before the echo has come before it.
void Stage::round_trip(Party& party) {
  if (!party.principal.device()) {
    // It has nothing to publish that comes back; an answer comes after all that was sent before it.
    party.link->subscribe("nothing/" + std::to_string(++count_));
    return;
  }
  const auto topic = party.own(DeviceKind::presence);
  const std::string marker = "round trip " + std::to_string(++count_) + ".";
  party.link->publish(topic, json{{"state", "online"}, {"marker", marker}}.dump());
  if (await(party, topic, marker)) return;
  report_.broken({party.name, "receive", topic}, "the echo of its own publish",
                 party.link->open() ? "nothing" : "connection closed");
}

void Stage::judge_all(Party& party) {
  for (const auto& arrival : party.link->take_arrivals()) {
    ledger_.judge({party.name, party.principal}, arrival);
    if (!party.principal.device() || arrival.topic != party.own(DeviceKind::error)) continue;
    const auto told = json::parse(arrival.payload, nullptr, false);
    if (told.is_object()) party.refusals[told.value("topic", "")].push_back(told.value("code", ""));
  }
}

void Stage::settle() {
  for (auto& party : parties_) {
    pacer_.wait();
    round_trip(party);
    judge_all(party);
  }
  revive();
}

}  // namespace duet::privacy
