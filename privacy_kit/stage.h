// privacy_kit/stage.h: the cast of one run, connected, and what they can do.
//
// Everybody of the cast listens to all that is theirs. settle() brings in what is under way, by a message of
// each one's own that comes after it, and has the ledger judge it: that nothing came is proved by a round
// trip, never by waiting. Used by one thread.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "privacy_kit/connection.h"
#include "privacy_kit/ledger.h"
#include "privacy_kit/report.h"
#include "protocol/topic.h"

namespace duet::privacy {

// At most so many actions a second; 0: no limit.
class Pacer {
 public:
  explicit Pacer(unsigned per_second) : per_second_(per_second) {}
  void wait();

 private:
  unsigned per_second_;
  std::chrono::steady_clock::time_point next_{};
};

// A principal with a connection.
struct Party {
  std::string name;  // as in the report
  Principal principal;
  std::string token;
  std::unique_ptr<Connection> link;
  std::map<std::string, std::vector<std::string>> refusals;  // topic → codes told on the error topic

  const UserId& user() const { return principal.device()->user; }
  std::string client_id() const { return principal.client_id(); }
  std::string own(DeviceKind kind, const std::string& method = "") const;
};

class Stage {
 public:
  // A token for the user's devices.
  using TokenSource = std::function<std::string(const UserId&)>;

  Stage(Endpoint server, std::string prefix, unsigned actions_per_second, TokenSource tokens, Report& report);

  Report& report() { return report_; }
  Ledger& ledger() { return ledger_; }
  const Endpoint& server() const { return server_; }
  // Whether a PUBACK can say that the message was refused: that of 3.1.1 cannot.
  bool refusals_in_puback() const { return server_.version == MqttVersion::v5; }
  // A user of this run: the name with the run's prefix.
  UserId user(const std::string& name) const;
  std::string token(const UserId& user) const { return tokens_(user); }
  std::string fresh_device();

  // Connects a device, subscribes to all that is its own, and says `online`. Throws std::runtime_error when
  // it cannot: then nothing can be checked.
  Party& join(const std::string& name, const UserId& user, const std::string& device);
  Party& join_with(const std::string& name, const UserId& user, const std::string& device,
                   const std::string& token);
  // A service's connection, subscribed to nothing.
  Party& serve(Role role, const std::string& token);
  void leave(const Party& party);
  // Connects anew whoever was thrown out. Returns their names.
  std::vector<std::string> revive();

  // CONNECT, at the run's pace.
  std::unique_ptr<Connection> connect(const ConnectPacket& packet);
  int publish(Party& from, const std::string& topic, const std::string& payload,
              const PublishFlags& flags = {});
  int subscribe(Party& party, const std::string& filter);
  // A request and its reply; discarded when none came.
  nlohmann::json ask(Party& party, const std::string& method, nlohmann::json parameters);
  // A message that must go through: returns its probe. Throws std::runtime_error when it does not.
  std::string converse(Party& from, Party& to);
  // Waits until something with `text` comes to the party on the topic.
  bool await(Party& at, const std::string& topic, const std::string& text) {
    return await(at, topic, text, server_.patience);
  }
  bool await(Party& at, const std::string& topic, const std::string& text, std::chrono::seconds patience);

  void settle();

  void block(const UserId& blocker, const UserId& blocked) { blocks_.insert({blocker, blocked}); }
  bool blocked(const UserId& blocker, const UserId& by) const { return blocks_.contains({blocker, by}); }

 private:
  void open(Party& party);
  void judge_all(Party& party);
  void round_trip(Party& party);

  Endpoint server_;
  std::string prefix_;
  Pacer pacer_;
  TokenSource tokens_;
  Report& report_;
  Ledger ledger_;
  std::list<Party> parties_;  // addresses stay
  std::set<std::pair<UserId, UserId>> blocks_;
  std::size_t count_ = 0;
};

}  // namespace duet::privacy
