// privacy_kit/ledger.h: what was sent, where it may arrive, and a judgement of everything that did.
//
// Each attempt carries a probe, a word of its own, so that whatever arrives anywhere tells which attempt it
// is of. Used by one thread.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "acl/principal.h"
#include "privacy_kit/connection.h"
#include "privacy_kit/report.h"
#include "protocol/names.h"

namespace duet::privacy {

// A connection as the ledger sees it.
struct Receiver {
  std::string name;  // as in the report
  const Principal& principal;
};

class Ledger {
 public:
  // `run` makes the probes of this run different from those of all others.
  Ledger(std::string run, Report& report) : run_(std::move(run)), report_(report) {}

  // A word that is a message id too. Nothing but its sender (errors, replies, echoes) may see it, until
  // permitted.
  std::string probe(const Cell& cell, const std::string& sender_client_id);
  // The probe is of a message, receipt or typing that `from` may send `to`: they may see it, in their inbox
  // with one another.
  void permit_conversation(const std::string& probe, const UserId& from, const UserId& to);
  // The probe may be seen on exactly this topic.
  void permit_topic(const std::string& probe, const std::string& topic) {
    probes_.at(probe).topics.insert(topic);
  }
  // `watcher` may not be told of the presence of `peer`, conversation or not.
  void forbid_presence(const UserId& watcher, const UserId& peer) { hidden_.insert({watcher, peer}); }

  // Reports what must not have arrived there.
  void judge(const Receiver& at, const Arrival& arrival);

  // Whether anything with this text arrived on the topic, so far; at this client, unless it is empty.
  bool arrived(const std::string& topic, const std::string& text, const std::string& client_id = "") const;

 private:
  struct Probe {
    Cell cell;
    std::string sender;  // client id
    std::optional<Conversation> conversation;
    std::set<std::string> topics;
  };

  std::vector<std::string> probes_in(const std::string& payload) const;
  void judge_probe(const Receiver& at, const Arrival& arrival, const Probe& probe);
  void judge_anonymous(const Receiver& at, const Arrival& arrival, const Cell& cell);
  bool is_own_device_topic(const Receiver& at, const std::string& topic) const;

  const std::string run_;
  Report& report_;
  std::size_t count_ = 0;
  std::map<std::string, Probe> probes_;
  std::set<std::pair<UserId, UserId>> conversations_;  // lower name first
  std::set<std::pair<UserId, UserId>> typing_;         // from, to
  std::set<std::pair<UserId, UserId>> hidden_;
  struct Seen {
    std::string client_id;
    std::string payload;
  };
  std::map<std::string, std::vector<Seen>> arrived_;  // by topic
};

}  // namespace duet::privacy
