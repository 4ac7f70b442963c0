#include "privacy_kit/ledger.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <variant>

#include "acl/access.h"
#include "protocol/topic.h"

namespace duet::privacy {
namespace {

using nlohmann::json;

std::optional<InTopic> inbox_topic(const std::string& topic) {
  const auto parsed = parse_topic(topic);
  const auto* in = parsed ? std::get_if<InTopic>(&*parsed) : nullptr;
  return in == nullptr ? std::nullopt : std::optional(*in);
}

// An envelope names who wrote it: the peer of a `msg`, the owner of the inbox of a `sent`.
bool names_its_writer(const InTopic& topic, const std::string& payload) {
  if (topic.kind != InKind::message && topic.kind != InKind::sent) return true;
  const json envelope = json::parse(payload, nullptr, false);
  if (!envelope.is_object()) return false;
  const bool mine = topic.kind == InKind::sent;
  return envelope.value("from", json()) == (mine ? topic.me : topic.peer).str() &&
         envelope.value("to", json()) == (mine ? topic.peer : topic.me).str();
}

}  // namespace

std::string Ledger::probe(const Cell& cell, const std::string& sender_client_id) {
  std::string word = run_ + "." + std::to_string(++count_) + "_";  // no probe begins another
  probes_.emplace(word, Probe{cell, sender_client_id, std::nullopt, {}});
  return word;
}

void Ledger::permit_conversation(const std::string& probe, const UserId& from, const UserId& to) {
  auto conversation = Conversation::between(from, to);
  if (!conversation) return;
  typing_.insert({from, to});
  conversations_.emplace(conversation->low(), conversation->high());
  probes_.at(probe).conversation = std::move(conversation);
}

std::vector<std::string> Ledger::probes_in(const std::string& payload) const {
  std::vector<std::string> found;
  const std::string start = run_ + ".";
  for (auto at = payload.find(start); at != std::string::npos; at = payload.find(start, at + 1)) {
    const auto end = payload.find('_', at);
    if (end == std::string::npos) break;
    auto word = payload.substr(at, end + 1 - at);
    if (probes_.contains(word)) found.push_back(std::move(word));
  }
  return found;
}

bool Ledger::is_own_device_topic(const Receiver& at, const std::string& topic) const {
  return at.principal.device() && topic.starts_with("u/" + at.principal.device()->user.str() + "/d/" +
                                                    at.principal.device()->device.str() + "/");
}

void Ledger::judge(const Receiver& at, const Arrival& arrival) {
  arrived_[arrival.topic].push_back({at.principal.client_id(), arrival.payload});
  const Cell cell{at.name, "receive", arrival.topic};
  report_.checked(cell);
  if (!decide(at.principal, Access::receive, arrival.topic).allowed()) {
    report_.leak(cell, "never delivered: no row of the access table allows it", "delivered");
  }
  if (arrival.retained) {
    report_.leak(cell, "nothing that clients publish is kept retained", "a retained message");
  }
  const auto probes = probes_in(arrival.payload);
  for (const auto& probe : probes) judge_probe(at, arrival, probes_.at(probe));
  if (probes.empty()) judge_anonymous(at, arrival, cell);
  const auto in = inbox_topic(arrival.topic);
  if (in && !names_its_writer(*in, arrival.payload)) {
    report_.leak(cell, "an envelope from and to the two users of the topic", "another writer's name");
  }
}

void Ledger::judge_probe(const Receiver& at, const Arrival& arrival, const Probe& probe) {
  if (probe.topics.contains(arrival.topic)) return;
  if (at.principal.client_id() == probe.sender && is_own_device_topic(at, arrival.topic)) return;
  const auto in = inbox_topic(arrival.topic);
  if (in && probe.conversation && Conversation::between(in->me, in->peer) == probe.conversation) return;
  // What was answered to one of the two is theirs to read again.
  if (probe.conversation && at.principal.device() && probe.conversation->has(at.principal.device()->user) &&
      is_own_device_topic(at, arrival.topic)) {
    return;
  }
  report_.leak(probe.cell, probe.conversation ? "for the two users alone" : "goes nowhere",
               "reached " + at.name + " on " + arrival.topic);
}

// Receipts, typing and presence carry no word of ours.
void Ledger::judge_anonymous(const Receiver& at, const Arrival& arrival, const Cell& cell) {
  const auto in = inbox_topic(arrival.topic);
  if (!in) {
    if (!at.principal.device() || is_own_device_topic(at, arrival.topic)) return;
    return report_.leak(cell, "nothing", "a message on this topic");
  }
  const auto conversation = Conversation::between(in->me, in->peer);
  const bool related = conversation && conversations_.contains({conversation->low(), conversation->high()});
  if (in->kind == InKind::typing && !typing_.contains({in->peer, in->me})) {
    report_.leak(cell, "nothing: this peer is not typing to this user", "typing");
  } else if (in->kind == InKind::receipt && !related) {
    report_.leak(cell, "nothing: there is no conversation of the two", "a receipt");
  } else if (in->kind == InKind::presence && (!related || hidden_.contains({in->me, in->peer}))) {
    report_.leak(cell, "nothing: this peer's presence is not for this user", "presence");
  } else if (in->kind == InKind::message || in->kind == InKind::sent) {
    report_.leak(cell, "nothing: nobody has sent it", "a message");
  }
}

bool Ledger::arrived(const std::string& topic, const std::string& text, const std::string& client_id) const {
  const auto found = arrived_.find(topic);
  if (found == arrived_.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(), [&](const Seen& seen) {
    return (client_id.empty() || seen.client_id == client_id) && seen.payload.find(text) != std::string::npos;
  });
}

}  // namespace duet::privacy
