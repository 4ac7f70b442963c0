// Those who may no longer: blocked, expired, revoked.

#include <nlohmann/json.hpp>
#include <utility>

#include "privacy_kit/checks.h"

namespace duet::privacy {
namespace {

using nlohmann::json;
using std::chrono::seconds;

// The blocker's presence changes; those who may be told are the proof that the others were not.
void change_presence(Stage& stage, Party& blocker, Party& witness) {
  const auto topic = format_topic(InTopic{witness.user(), blocker.user(), InKind::presence});
  for (const auto& [state, said] :
       {std::pair("offline", R"("online":false)"), std::pair("online", R"("online":true)")}) {
    stage.settle();
    const std::size_t before = witness.link->arrivals().size();
    stage.publish(blocker, blocker.own(DeviceKind::presence), json{{"state", state}}.dump());
    const bool told = witness.link->wait([&, words = said] {
      const auto& all = witness.link->arrivals();
      for (std::size_t i = before; i < all.size(); ++i) {
        if (all[i].topic == topic && all[i].payload.find(words) != std::string::npos) return true;
      }
      return false;
    });
    const Cell cell{witness.name, "receive", topic};
    stage.report().checked(cell);
    if (!told) stage.report().broken(cell, std::string("hears that the other is ") + state, "nothing");
  }
}

void attempt_blocked(Stage& stage, Party& blocked, const UserId& blocker, OutKind kind) {
  const auto topic = format_topic(OutTopic{blocked.user(), blocker, kind});
  const Cell cell{blocked.name, "publish", topic};
  const auto probe = stage.ledger().probe(cell, blocked.client_id());
  const json payload{{"id", probe}, {"body", probe}, {"typing", true}, {"read", 1}};
  const int code = stage.publish(blocked, topic, payload.dump());
  stage.report().checked(cell);
  if (stage.refusals_in_puback() && code != kNotAuthorized) {
    stage.report().leak(cell, "refused: blocked", "PUBACK: " + reason_text(code));
  } else if (!stage.await(blocked, blocked.own(DeviceKind::error), json(topic).dump())) {
    stage.report().broken(cell, "told on the error topic", "nothing");
  }
}

struct Ended {
  Stage& stage;
  Party& party;   // whose time is up
  Party& writer;  // has a conversation with it
  std::string why;

  // The server has closed the connection; if not, whether it still serves.
  void check_closed(seconds patience) const {
    const Cell cell{party.name, "connection", why};
    stage.report().checked(cell);
    if (party.link->wait_closed(patience)) return;
    stage.report().leak(cell, "closed by the server", "still open");
    const auto topic = format_topic(OutTopic{writer.user(), party.user(), OutKind::message});
    const Cell receive{party.name, "receive", "a message, " + why};
    const auto probe = stage.ledger().probe(receive, writer.client_id());
    stage.ledger().permit_conversation(probe, writer.user(), party.user());
    stage.publish(writer, topic, json{{"id", probe}, {"body", probe}}.dump());
    stage.await(writer, format_topic(InTopic{writer.user(), party.user(), InKind::sent}), probe);
    stage.report().checked(receive);
    constexpr seconds kLive{2};  // whatever was sent to it has come by then, or it is no proof either way
    if (stage.await(party, format_topic(InTopic{party.user(), writer.user(), InKind::message}), probe,
                    kLive)) {
      stage.report().leak(receive, "nothing", "a message");
    }
  }

  void check_refused() const {
    for (const std::string& id : {party.client_id(), party.user().str() + ":" + stage.fresh_device()}) {
      const Cell cell{party.name, "connect", id + " (" + why + ")"};
      ConnectPacket packet;
      packet.client_id = id;
      packet.password = party.token;
      const int code = stage.connect(packet)->connack();
      stage.report().checked(cell);
      if (code == kSuccess) stage.report().leak(cell, "refused", "CONNACK: accepted");
    }
  }
};

// A connection whose token ends within seconds: the server allows for skewed clocks, by an amount that it
// does not tell. Null: not even a token of now is accepted.
Party* join_shortly(Stage& stage, const Mint& mint, const UserId& user, seconds& ends_within) {
  constexpr seconds kUsualSkew{30};
  for (const auto life : {seconds(3) - kUsualSkew, seconds(2)}) {
    auto spec = mint.chat(user);
    spec.issued_at -= std::chrono::minutes(5);
    spec.expires_at = mint.chat(user, life).expires_at;
    ConnectPacket packet;
    packet.client_id = user.str() + ":" + stage.fresh_device();
    packet.password = mint.sign(spec);
    ends_within = life + kUsualSkew + stage.server().patience;
    if (stage.connect(packet)->connack() != kSuccess) continue;
    return &stage.join_with("expired token", user, "watch", packet.password);
  }
  return nullptr;
}

}  // namespace

void check_blocks(Stage& stage) {
  Party& blocker = stage.join("blocker", stage.user("olga"), "watch");
  Party& blocked = stage.join("blocked user", stage.user("boris"), "watch");
  Party& witness = stage.join("third user", stage.user("wanda"), "watch");
  stage.converse(blocked, blocker);
  stage.converse(blocker, blocked);
  stage.converse(blocker, witness);
  for (Party* watcher : {&blocked, &witness}) {
    const Cell cell{watcher->name, "request", "presence with " + blocker.user().str()};
    const auto reply = stage.ask(*watcher, "presence", {{"with", blocker.user().str()}});
    stage.report().checked(cell);
    if (!reply.contains("result")) stage.report().broken(cell, "the presence of a peer", "an error");
  }
  stage.settle();
  const auto reply = stage.ask(blocker, "block", {{"with", blocked.user().str()}});
  if (!reply.contains("result"))
    stage.report().broken({blocker.name, "request", "block"}, "a result", "an error");
  stage.settle();  // what was told before the block may still be on its way
  stage.ledger().forbid_presence(blocked.user(), blocker.user());
  for (const auto kind : {OutKind::receipt, OutKind::typing, OutKind::message}) {
    attempt_blocked(stage, blocked, blocker.user(), kind);
  }
  change_presence(stage, blocker, witness);
  const Cell presence{blocked.name, "request", "presence with " + blocker.user().str() + ", who has blocked"};
  const auto answer = stage.ask(blocked, "presence", {{"with", blocker.user().str()}});
  const auto nobody = stage.ask(blocked, "presence", {{"with", stage.user("nobody").str()}});
  stage.report().checked(presence);
  if (answer != nobody || !answer.contains("error")) {
    stage.report().leak(presence, "the same answer as about a user who does not exist", "another");
  }
  stage.converse(blocker, witness);  // and through the store, after all that the blocked one tried
  stage.settle();
  for (const Party* party : {&blocker, &blocked, &witness}) stage.leave(*party);
}

void check_expiry(Stage& stage, const Mint& mint) {
  const auto user = stage.user("grace");
  Party& writer = stage.join("peer", stage.user("walter"), "watch");
  seconds ends_within{};
  Party* party = join_shortly(stage, mint, user, ends_within);
  if (party == nullptr) {
    stage.report().skipped("a token that ends while connected", "the server takes none that ends soon");
  } else {
    stage.converse(writer, *party);  // it works until then
    const Ended ended{stage, *party, writer, "its token has ended"};
    ended.check_closed(ends_within);
    ended.check_refused();
    stage.leave(*party);
  }
  stage.settle();
  stage.leave(writer);
}

void check_revocation(Stage& stage, Accounts& accounts) {
  const auto user = stage.user("frank");
  accounts.sign_up(user);
  const auto phone_login = accounts.log_in(user, DeviceId::parse("phone"));
  const auto laptop_login = accounts.log_in(user, DeviceId::parse("laptop"));
  Party& writer = stage.join("peer", stage.user("walter"), "desk");
  Party& phone = stage.join_with("revoked login", user, "phone", phone_login.access);
  Party& laptop = stage.join_with("revoked login", user, "laptop", laptop_login.access);
  stage.converse(writer, phone);
  stage.converse(writer, laptop);
  stage.settle();

  accounts.revoke(phone_login);
  const Ended revoked{stage, phone, writer, "its login was revoked"};
  revoked.check_closed(stage.server().patience);
  revoked.check_refused();
  stage.leave(phone);
  stage.converse(writer, laptop);  // the other login is as it was

  accounts.log_out_everywhere(laptop_login.access);
  const Ended logged_out{stage, laptop, writer, "logged out everywhere"};
  logged_out.check_closed(stage.server().patience);
  logged_out.check_refused();
  stage.leave(laptop);
  stage.settle();
  stage.leave(writer);
}

}  // namespace duet::privacy
