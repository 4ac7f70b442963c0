#include "privacy_kit/ledger.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace duet::privacy {
namespace {

using nlohmann::json;

UserId user(const std::string& name) {
  return UserId::parse(name).value();
}

Principal device_of(const std::string& name) {
  return Principal::of_device({user(name), DeviceId::parse("phone").value()}, Timestamp::max());
}

class LedgerTest : public ::testing::Test {
 protected:
  void arrive(const Principal& at, const std::string& topic, const std::string& payload,
              bool retained = false) {
    ledger_.judge({"receiver", at}, {topic, payload, retained});
  }
  // A message as the store delivers it.
  static std::string envelope(const std::string& from, const std::string& to, const std::string& body) {
    return json{{"from", from}, {"to", to}, {"body", body}}.dump();
  }
  std::string message(const std::string& from, const std::string& to) {
    const auto probe =
        ledger_.probe({"sender", "publish", "u/" + from + "/out/" + to + "/msg"}, from + ":phone");
    ledger_.permit_conversation(probe, user(from), user(to));
    return probe;
  }
  std::size_t leaks() const { return report_.leaks().size(); }

  Report report_{"kit-"};
  Ledger ledger_{"run", report_};
  const Principal alice_ = device_of("alice");
  const Principal bob_ = device_of("bob");
  const Principal eve_ = device_of("eve");
};

TEST_F(LedgerTest, AMessageIsForItsTwoUsers) {
  const auto probe = message("alice", "bob");
  arrive(bob_, "u/bob/in/alice/msg", envelope("alice", "bob", probe));
  arrive(alice_, "u/alice/in/bob/sent", envelope("alice", "bob", probe));
  arrive(bob_, "u/bob/d/phone/reply", json{{"result", {{"body", probe}}}}.dump());
  EXPECT_EQ(leaks(), 0U);
  EXPECT_TRUE(ledger_.arrived("u/bob/in/alice/msg", probe));
  EXPECT_FALSE(ledger_.arrived("u/bob/in/alice/msg", probe, "eve:phone"));
}

TEST_F(LedgerTest, AMessageThatReachesAnybodyElseIsALeakOfItsSender) {
  const auto probe = message("alice", "bob");
  arrive(eve_, "u/eve/in/alice/msg", envelope("alice", "eve", probe));
  arrive(eve_, "u/eve/d/phone/reply", json{{"result", {{"body", probe}}}}.dump());
  ASSERT_EQ(leaks(), 2U);
  EXPECT_EQ(report_.leaks()[0].cell.principal, "sender");
  EXPECT_EQ(report_.leaks()[0].seen, "reached receiver on u/eve/in/alice/msg");
}

TEST_F(LedgerTest, WhatTheTableDoesNotLetOneReceiveIsALeakWhateverItIs) {
  arrive(eve_, "u/bob/d/phone/presence", "{}");
  EXPECT_EQ(leaks(), 2U);  // no row; and nobody said that it may arrive
}

TEST_F(LedgerTest, ARefusedPublishIsToldToItsSenderAlone) {
  const auto probe = ledger_.probe({"sender", "publish", "u/bob/in/alice/msg"}, "alice:phone");
  const std::string told = json{{"code", "not_authorized"}, {"id", probe}}.dump();
  arrive(alice_, "u/alice/d/phone/error", told);
  EXPECT_EQ(leaks(), 0U);
  arrive(bob_, "u/bob/d/phone/error", told);
  arrive(bob_, "u/bob/in/alice/msg", envelope("alice", "bob", probe));
  EXPECT_EQ(leaks(), 2U);
}

TEST_F(LedgerTest, NothingIsRetained) {
  const auto probe = message("alice", "bob");
  arrive(bob_, "u/bob/in/alice/msg", envelope("alice", "bob", probe), true);
  EXPECT_EQ(leaks(), 1U);
}

TEST_F(LedgerTest, AnEnvelopeNamesItsWriter) {
  const auto probe = message("alice", "bob");
  arrive(bob_, "u/bob/in/alice/msg", envelope("eve", "bob", probe));
  arrive(alice_, "u/alice/in/bob/sent", envelope("bob", "alice", probe));
  EXPECT_EQ(leaks(), 2U);
}

TEST_F(LedgerTest, TypingReceiptsAndPresenceAreForWhoHasAConversation) {
  message("alice", "bob");
  arrive(bob_, "u/bob/in/alice/typing", R"({"typing":true})");
  arrive(bob_, "u/bob/in/alice/receipt", R"({"by":"alice"})");
  arrive(bob_, "u/bob/in/alice/presence", R"({"online":true})");
  EXPECT_EQ(leaks(), 0U);
  arrive(alice_, "u/alice/in/bob/typing", R"({"typing":true})");  // bob has not typed
  arrive(eve_, "u/eve/in/alice/typing", R"({"typing":true})");
  arrive(eve_, "u/eve/in/alice/receipt", R"({"by":"alice"})");
  arrive(eve_, "u/eve/in/alice/presence", R"({"online":true})");
  EXPECT_EQ(leaks(), 4U);
}

TEST_F(LedgerTest, PresenceMayBeForbidden) {
  message("alice", "bob");
  ledger_.forbid_presence(user("bob"), user("alice"));
  arrive(bob_, "u/bob/in/alice/presence", "{}");
  EXPECT_EQ(leaks(), 1U);
  arrive(alice_, "u/alice/in/bob/presence", "{}");
  EXPECT_EQ(leaks(), 1U);
}

TEST_F(LedgerTest, AMessageThatNobodySentIsALeak) {
  arrive(bob_, "u/bob/in/alice/msg", envelope("alice", "bob", "hello"));
  EXPECT_EQ(leaks(), 1U);
}

}  // namespace
}  // namespace duet::privacy
