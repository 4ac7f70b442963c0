// What requests tell those whom it does not concern.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "privacy_kit/checks.h"

namespace duet::privacy {
namespace {

using nlohmann::json;

class Questions {
 public:
  Questions(Stage& stage, Requesters& who) : stage_(stage), who_(who) {}

  // The answer about `about` must be the same as about somebody who does not exist.
  void same_as_nobody(Party& asker, const std::string& method, const UserId& about, const json& parameters) {
    const Cell cell{asker.name, "request", method + " with " + about.str() + shown(parameters)};
    const auto answer = ask_about(asker, method, about, parameters);
    const auto reference = ask_about(asker, method, who_.nobody, parameters);
    stage_.report().checked(cell);
    if (reference.is_discarded() || answer.is_discarded()) {
      stage_.report().broken(cell, "a reply", "none");
    } else if (answer != reference) {
      stage_.report().leak(cell, "the same answer as about a user who does not exist",
                           difference(answer, reference));
    }
  }

  // Whatever is answered, it is of the asker's own conversations; `some`: and there is something.
  void only_own(Party& asker, const std::string& method, const json& parameters, bool some) {
    const Cell cell{asker.name, "request", method + shown(parameters)};
    const auto reply = stage_.ask(asker, method, parameters);
    stage_.report().checked(cell);
    if (!reply.is_object()) return stage_.report().broken(cell, "a reply", "none");
    std::size_t found = 0;
    check_own(cell, asker.user().str(), reply, found);
    if (some && found == 0) stage_.report().broken(cell, "the asker's own messages", "nothing");
  }

 private:
  static std::string shown(const json& parameters) {
    return parameters.empty() ? "" : " " + parameters.dump();
  }
  json ask_about(Party& asker, const std::string& method, const UserId& about, json parameters) {
    parameters["with"] = about.str();
    return stage_.ask(asker, method, std::move(parameters));
  }
  // Never what was said.
  static std::string difference(const json& answer, const json& reference) {
    if (answer.contains("result") != reference.contains("result")) {
      return answer.contains("result") ? "a result" : "an error";
    }
    if (answer.contains("error")) return answer.at("error").dump() + ", not " + reference.at("error").dump();
    return "another result";
  }

  // Envelopes stand anywhere in a reply; each is between the asker and somebody.
  void check_own(const Cell& cell, const std::string& me, const json& value, std::size_t& found) {
    if (value.is_object() && value.contains("from") && value.contains("to")) {
      ++found;
      if (value.at("from") != me && value.at("to") != me) {
        stage_.report().leak(cell, "messages of the asker's own alone", "a message between two others");
      }
    }
    if (value.is_object() && value.value("peer", json()) == me) {
      stage_.report().leak(cell, "the asker's own log alone", "somebody else's view of the asker");
    }
    if (value.is_structured()) {
      for (const auto& part : value) check_own(cell, me, part, found);
    }
  }

  Stage& stage_;
  Requesters& who_;
};

// What the error topic says to a receipt in a conversation that is not there.
json told_of_receipt(Stage& stage, Party& from, const UserId& to) {
  const auto topic = format_topic(OutTopic{from.user(), to, OutKind::receipt});
  stage.publish(from, topic, R"({"read": 1})");
  const auto error_topic = from.own(DeviceKind::error);
  const std::string named = json(topic).dump();
  if (!stage.await(from, error_topic, named)) return json();
  for (const auto& arrival : from.link->arrivals()) {
    if (arrival.topic != error_topic || arrival.payload.find(named) == std::string::npos) continue;
    auto told = json::parse(arrival.payload, nullptr, false);
    if (told.is_object()) told.erase("topic");
    return told;
  }
  return json();
}

void check_receipts(Stage& stage, Requesters& who) {
  const auto reference = told_of_receipt(stage, who.stranger, who.nobody);
  for (const Party* to : {&who.owner, &who.peer}) {
    const Cell cell{who.stranger.name, "receipt", "to " + to->user().str() + ", no conversation"};
    const auto told = told_of_receipt(stage, who.stranger, to->user());
    stage.report().checked(cell);
    if (reference.is_null()) {
      stage.report().broken(cell, "told on the error topic", "nothing");
    } else if (told != reference) {
      stage.report().leak(cell, "the same error as for a user who does not exist", told.dump());
    }
  }
}

// A message that says it is from somebody else.
void check_false_sender(Stage& stage, Party& from, Party& to, const Party& claimed) {
  const auto topic = format_topic(OutTopic{from.user(), to.user(), OutKind::message});
  const Cell cell{from.name, "publish", topic + " that claims another sender"};
  const auto probe = stage.ledger().probe(cell, from.client_id());
  stage.ledger().permit_conversation(probe, from.user(), to.user());
  stage.publish(
      from, topic,
      json{{"id", probe}, {"body", probe}, {"from", claimed.user().str()}, {"seq", 1}, {"ts", 1}}.dump());
  stage.await(from, format_topic(InTopic{from.user(), to.user(), InKind::sent}), probe);
  stage.report().checked(cell);
  stage.settle();  // an envelope that names another writer is a leak to the ledger
}

std::string cursor_of(Stage& stage, Party& party) {
  const auto reply = stage.ask(party, "sync", json::object());
  if (!reply.is_object() || !reply.contains("result")) return "";
  return reply.at("result").value("cursor", "");
}

}  // namespace

void check_requests(Stage& stage, Requesters& who) {
  Questions questions(stage, who);
  const json none = json::object();
  const json smuggled{{"user", who.owner.user().str()},
                      {"me", who.owner.user().str()},
                      {"from", who.owner.user().str()},
                      {"as", who.owner.user().str()}};
  for (const Party* about : {&who.owner, &who.peer, &who.third}) {
    for (const std::string method : {"presence", "history", "block", "unblock"}) {
      questions.same_as_nobody(who.stranger, method, about->user(), none);
    }
    questions.same_as_nobody(who.stranger, "history", about->user(), smuggled);
    questions.same_as_nobody(who.stranger, "history", about->user(), {{"after", 0}});
  }
  questions.same_as_nobody(who.third, "presence", who.owner.user(), none);
  questions.same_as_nobody(who.third, "history", who.owner.user(), none);
  questions.same_as_nobody(who.owner, "presence", who.third.user(), none);

  const auto foreign = cursor_of(stage, who.owner);
  for (Party* asker : {&who.owner, &who.peer, &who.third, &who.stranger}) {
    const bool some = asker != &who.stranger;
    for (const std::string method : {"sync", "conversations"}) {
      questions.only_own(*asker, method, none, some);
      questions.only_own(*asker, method, smuggled, some);
    }
    if (foreign.empty()) continue;
    questions.only_own(*asker, "sync", {{"cursor", foreign}}, false);
    questions.only_own(*asker, "conversations", {{"before", foreign}}, false);
  }
  questions.only_own(who.owner, "history", {{"with", who.peer.user().str()}}, true);
  questions.only_own(who.peer, "history", {{"with", who.third.user().str()}}, true);
  check_receipts(stage, who);
  check_false_sender(stage, who.peer, who.owner, who.third);
  stage.settle();
}

void check_accounts(Stage& stage, Accounts& accounts) {
  const auto user = stage.user("account");
  accounts.sign_up(user);
  const Cell login{"without a token", "account service", "a wrong password, with and without an account"};
  const auto with = accounts.wrong_password(user);
  const auto without = accounts.wrong_password(stage.user("nobody"));
  stage.report().checked(login);
  if (with.status != without.status || with.body != without.body) {
    stage.report().leak(login, "the same answer",
                        "status " + std::to_string(with.status) + " and " + std::to_string(without.status));
  }
  const auto own = accounts.log_in(user, std::nullopt).access;
  const std::string body = json{{"password", accounts.password()}}.dump();
  for (const auto& [what, token] : {std::pair<std::string, std::string>{"no token", ""},
                                    {"a changed token", own.substr(0, own.size() - 4) + "AAAA"}}) {
    const Cell cell{"without a token", "account service", "remove an account with " + what};
    const auto answer = accounts.call("DELETE", "/v1/accounts/me", body, token);
    stage.report().checked(cell);
    if (answer.status < 300) stage.report().leak(cell, "401", "status " + std::to_string(answer.status));
  }
}

}  // namespace duet::privacy
