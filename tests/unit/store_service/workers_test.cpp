// The request workers, the presence worker and the writer together, as in the process; the connection is the
// test's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "protocol/topic.h"
#include "store_service/presence_worker.h"
#include "store_service/request_workers.h"
#include "store_service/writer.h"
#include "tests/unit/store_service/database.h"

namespace duet {
namespace {

using nlohmann::json;

class Workers : public testing::Test {
 protected:
  Workers() { store_.store_message("alice", "bob", "m1", "hello"); }

  // Asks and returns the reply.
  json ask(const Device& who, const std::string& method, const json& parameters = json::object()) {
    const auto req = std::to_string(++asked_);
    auto payload = parameters;
    payload["req"] = req;
    RawRequest request{who, method, payload.dump(), "correlation " + req};
    EXPECT_TRUE(requests_.push(std::move(request)));
    const auto topic = format_topic(DeviceTopic{who, DeviceKind::reply, ""});
    json found;
    EXPECT_TRUE(eventually([&] {
      for (const auto& reply : publisher_.sent(topic)) {
        auto parsed = json::parse(reply.payload);
        if (parsed["req"] != req) continue;
        EXPECT_EQ(reply.correlation_data, "correlation " + req);
        EXPECT_EQ(parsed["method"], method);
        found = std::move(parsed);
        return true;
      }
      return false;
    })) << method;
    return found;
  }
  std::string error_of(const json& reply) { return reply.at("error").at("code"); }
  void say(const Device& who, DeviceState state) {
    ASSERT_TRUE(events_.push(PresenceEvent(StateChange{who, state})));
  }
  // Begins a conversation as a request.
  void ask_to_talk(const std::string& from, const std::string& to) {
    store_.strangers.require_consent = true;
    store_.store_message(from, to, "m1", "may I?");
  }
  void tell_typing(const Device& from, const Device& to) {
    ASSERT_TRUE(requests_.push(TypingNotice{from.user, to.user, true}));
  }
  // What was passed on of typing, as topics.
  std::vector<std::string> typing() {
    auto topics = publisher_.delivered_topics();
    std::erase_if(topics, [](const std::string& topic) { return !topic.ends_with("/typing"); });
    return topics;
  }
  // The presence updates that `watcher` got about `peer`.
  std::vector<bool> updates(const std::string& watcher, const std::string& peer) {
    const auto topic = format_topic(InTopic{user(watcher), user(peer), InKind::presence});
    std::vector<bool> heard;
    for (const auto& one : publisher_.delivered()) {
      if (one.topic != topic) continue;
      heard.push_back(json::parse(one.payload).at("online"));
    }
    return heard;
  }

  TemporaryStore store_;
  WriteQueue writes_;
  PresenceQueue events_{1000};
  RequestQueue requests_{1000};
  RecordingPublisher publisher_;
  Counters counters_;
  int asked_ = 0;
  const Device alice_ = device("alice");
  const Device bob_ = device("bob");
  Writer writer_{store_.database,
                 writes_,
                 publisher_,
                 {.limits = {}, .first_backoff = std::chrono::milliseconds(1)},
                 {.on_ready = [](std::uint64_t) {}, .on_broken = [] {}},
                 counters_};
  PresenceWorker presence_{store_.database, events_, writes_, publisher_, {std::chrono::milliseconds(1), 16}};
  RequestWorkers workers_{store_.database, {requests_, writes_, events_, publisher_}, {}, counters_};
};

TEST_F(Workers, AnswerFromTheStore) {
  EXPECT_EQ(ask(alice_, "history", {{"with", "bob"}})["result"]["messages"][0]["body"], "hello");
  EXPECT_EQ(ask(bob_, "sync")["result"]["changes"].size(), 1U);
  EXPECT_EQ(ask(bob_, "conversations")["result"]["conversations"][0]["peer"], "alice");
}

TEST_F(Workers, RefuseWhatIsNoRequest) {
  EXPECT_EQ(error_of(ask(alice_, "delete")), "unknown_method");
  EXPECT_EQ(error_of(ask(alice_, "history", {{"with", 7}})), "malformed");
  EXPECT_EQ(error_of(ask(alice_, "presence")), "malformed");
  EXPECT_EQ(error_of(ask(alice_, "presence", {{"with", "alice"}})), "malformed");
  EXPECT_EQ(error_of(ask(alice_, "block", {{"with", "alice"}})), "malformed");
}

TEST_F(Workers, PagesGiveWayAndWhatHappensNowDoesNot) {
  const auto lane_of = [&](const std::string& method) {
    ask(alice_, method, {{"with", "bob"}});
    return publisher_.sent("u/alice/d/phone/reply").back().lane;
  };
  for (const auto* method : {"history", "conversations", "sync"}) {
    EXPECT_EQ(lane_of(method), Link::Lane::bulk) << method;
  }
  // An update must not overtake the reply that it follows.
  for (const auto* method : {"presence", "block", "unblock", "devices", "mute"}) {
    EXPECT_EQ(lane_of(method), Link::Lane::normal) << method;
  }
}

TEST_F(Workers, BlockIsInForceBeforeItsReply) {
  EXPECT_EQ(ask(bob_, "block", {{"with", "alice"}})["result"], json::object());

  const auto updates = publisher_.sent("svc/store/blocks");
  ASSERT_EQ(updates.size(), 1U);
  EXPECT_EQ(parse_block_update(updates[0].payload), (BlockUpdate{false, {{bob_.user, alice_.user}}, {}}));
  EXPECT_TRUE(store_.database.reader()->is_blocked({bob_.user, alice_.user}));
  EXPECT_EQ(ask(bob_, "blocks")["result"]["users"], json::array({"alice"}));

  EXPECT_EQ(ask(bob_, "unblock", {{"with", "alice"}})["result"], json::object());
  EXPECT_EQ(ask(bob_, "blocks")["result"]["users"], json::array());
  EXPECT_EQ(parse_block_update(publisher_.sent("svc/store/blocks").back().payload),
            (BlockUpdate{false, {}, {{bob_.user, alice_.user}}}));
}

TEST_F(Workers, BlockIsUnavailableWhileTheDatabaseFails) {
  store_.database.fail(true);
  EXPECT_EQ(error_of(ask(bob_, "block", {{"with", "alice"}})), "unavailable");
  store_.database.fail(false);
  EXPECT_FALSE(store_.database.reader()->is_blocked({bob_.user, alice_.user}));
}

TEST_F(Workers, AMuteIsShownUntilItEndsOrIsTakenBack) {
  const auto shown = [&](const Device& who) {
    return ask(who, "conversations")["result"]["conversations"][0];
  };
  EXPECT_FALSE(shown(bob_).contains("muted"));
  EXPECT_EQ(ask(bob_, "mute", {{"with", "alice"}})["result"], json::object());
  EXPECT_EQ(shown(bob_)["muted"], true);
  EXPECT_FALSE(shown(bob_).contains("muted_until"));
  EXPECT_FALSE(shown(alice_).contains("muted"));
  const std::uint64_t next_century = 4'102'444'800'000;
  ask(bob_, "mute", {{"with", "alice"}, {"until", next_century}});
  EXPECT_EQ(shown(bob_)["muted_until"], next_century);
  ask(bob_, "mute", {{"with", "alice"}, {"until", 1}});
  EXPECT_FALSE(shown(bob_).contains("muted"));
  EXPECT_FALSE(shown(bob_).contains("muted_until"));
  ask(bob_, "mute", {{"with", "alice"}});
  EXPECT_EQ(ask(bob_, "unmute", {{"with", "alice"}})["result"], json::object());
  EXPECT_FALSE(shown(bob_).contains("muted"));
}

TEST_F(Workers, ThereIsNothingToMuteWithoutAConversation) {
  for (const std::string method : {"mute", "unmute"}) {
    EXPECT_EQ(error_of(ask(bob_, method, {{"with", "carol"}})), "not_found");
    EXPECT_EQ(error_of(ask(bob_, method, {{"with", "bob"}})), "malformed");
    EXPECT_EQ(error_of(ask(bob_, method)), "malformed");
  }
  EXPECT_EQ(error_of(ask(bob_, "mute", {{"with", "alice"}, {"until", "soon"}})), "malformed");
  store_.database.fail(true);
  EXPECT_EQ(error_of(ask(bob_, "mute", {{"with", "alice"}})), "unavailable");
  store_.database.fail(false);
}

TEST_F(Workers, ACheckOfPushIsAnsweredFromTheStore) {
  ask(bob_, "mute", {{"with", "alice"}});
  const auto answer_to = [&](const PushCheck& check) {
    const auto before = publisher_.sent("svc/store/check").size();
    EXPECT_TRUE(requests_.push(RawPushCheck{format_push_check(check)}));
    EXPECT_TRUE(publisher_.wait_for("svc/store/check", before + 1));
    return parse_push_check_answer(publisher_.sent("svc/store/check").back().payload);
  };
  EXPECT_TRUE(requests_.push(RawPushCheck{"{}"}));  // is answered by nobody
  EXPECT_EQ(answer_to({"c1", {{bob_.user, alice_.user}, {user("eve"), alice_.user}}}),
            (PushCheckAnswer{"c1", {PushCheckAnswer::Standing{0, 1, false, true, 0}, std::nullopt}}));
  ask(bob_, "unmute", {{"with", "alice"}});
  store_.store_message("alice", "bob", "m2");
  store_.block("bob", "carol");
  EXPECT_EQ(answer_to({"c2", {{bob_.user, alice_.user}}}),
            (PushCheckAnswer{"c2", {PushCheckAnswer::Standing{0, 2, false, false, 2}}}));
  EXPECT_EQ(publisher_.sent("svc/store/check").size(), 2U);
}

TEST_F(Workers, BlocksHaveABound) {
  store_.block_many("bob", kMaxBlocks);
  EXPECT_EQ(error_of(ask(bob_, "block", {{"with", "alice"}})), "too_large");
  EXPECT_EQ(ask(bob_, "block", {{"with", "user7"}})["result"], json::object());
}

TEST_F(Workers, PresenceIsAnsweredAndThenUpdated) {
  EXPECT_EQ(ask(alice_, "presence", {{"with", "bob"}})["result"]["online"], false);
  say(bob_, DeviceState::online);
  ASSERT_TRUE(eventually([&] { return updates("alice", "bob") == std::vector<bool>{true}; }));
  EXPECT_EQ(ask(alice_, "presence", {{"with", "bob"}})["result"]["online"], true);
  say(bob_, DeviceState::offline);
  ASSERT_TRUE(eventually([&] { return updates("alice", "bob") == std::vector<bool>({true, false}); }));
}

TEST_F(Workers, PresenceIsTheSameNotFoundForAllWhoMayNotSeeIt) {
  const auto stranger = ask(device("carol"), "presence", {{"with", "bob"}});
  const auto nobody = ask(alice_, "presence", {{"with", "nobody"}});
  ask(bob_, "block", {{"with", "alice"}});
  const auto blocked = ask(alice_, "presence", {{"with", "bob"}});

  EXPECT_EQ(error_of(stranger), "not_found");
  EXPECT_EQ(nobody["error"], stranger["error"]);
  EXPECT_EQ(blocked["error"], stranger["error"]);
}

TEST_F(Workers, PresenceUpdatesEndWithABlock) {
  store_.store_message("carol", "bob", "m1");
  ask(alice_, "presence", {{"with", "bob"}});
  ask(device("carol"), "presence", {{"with", "bob"}});
  ask(bob_, "block", {{"with", "alice"}});
  say(bob_, DeviceState::online);
  ASSERT_TRUE(eventually([&] { return !updates("carol", "bob").empty(); }));
  EXPECT_TRUE(updates("alice", "bob").empty());
}

TEST_F(Workers, ARequestIsShownAndAccepted) {
  ask_to_talk("carol", "bob");
  const auto request_of = [&](const Device& who) {
    return ask(who, "conversations")["result"]["conversations"][0].value("request", false);
  };
  EXPECT_TRUE(request_of(bob_));
  EXPECT_FALSE(request_of(device("carol")));
  EXPECT_EQ(error_of(ask(device("carol"), "accept", {{"with", "bob"}})), "not_found") << "her own request";
  EXPECT_EQ(error_of(ask(device("dave"), "accept", {{"with", "bob"}})), "not_found");
  EXPECT_EQ(error_of(ask(bob_, "accept")), "malformed");

  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(ask(bob_, "accept", {{"with", "carol"}})["result"], json::object());
    EXPECT_FALSE(request_of(bob_));
  }
}

TEST_F(Workers, AcceptingTellsTheWithheldMarksBeforeItsReply) {
  ask_to_talk("carol", "bob");
  store_.store_receipt("bob", "carol", R"({"read":1})");
  writes_.connected();
  ASSERT_TRUE(eventually([&] {  // the session has begun, with what was not delivered yet
    return std::ranges::count(publisher_.delivered_topics(), "u/bob/in/carol/receipt") == 1;
  }));
  ASSERT_EQ(ask(device("carol"), "sync")["result"]["changes"].size(), 1U) << "her message alone";
  const std::size_t before = publisher_.sent().size();

  ask(bob_, "accept", {{"with", "carol"}});

  const auto sent = publisher_.sent();
  const auto told = decode_deliver_frame(sent.at(before).payload).value();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].topic, "u/bob/in/carol/receipt");
  EXPECT_EQ(told[1].topic, "u/carol/in/bob/receipt");
  EXPECT_EQ(parse_receipt_event(told[1].payload)->read, 1U);
  const auto changes = ask(device("carol"), "sync")["result"]["changes"];
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[1]["kind"], "receipt");
  EXPECT_EQ(changes[1]["cur"], parse_receipt_event(told[1].payload)->cursor);
}

TEST_F(Workers, ABlockedUserAcceptsNothing) {
  ask_to_talk("carol", "bob");
  ask(device("carol"), "block", {{"with", "bob"}});
  EXPECT_EQ(error_of(ask(bob_, "accept", {{"with", "carol"}})), "blocked");
  ask(device("carol"), "unblock", {{"with", "bob"}});
  EXPECT_EQ(ask(bob_, "accept", {{"with", "carol"}})["result"], json::object());
}

TEST_F(Workers, AcceptIsUnavailableWhileTheDatabaseFails) {
  ask_to_talk("carol", "bob");
  store_.database.fail(true);
  EXPECT_EQ(error_of(ask(bob_, "accept", {{"with", "carol"}})), "unavailable");
  store_.database.fail(false);
  EXPECT_EQ(store_.database.reader()->consent(user("carol"), bob_.user), Consent::waits_for_peer);
}

TEST_F(Workers, PresenceOfSomebodyWhoHasNotAcceptedIsAStrangers) {
  ask_to_talk("carol", "bob");
  const auto refused = ask(device("carol"), "presence", {{"with", "bob"}});
  EXPECT_EQ(refused["error"], ask(device("carol"), "presence", {{"with", "nobody"}})["error"]);
  say(bob_, DeviceState::online);
  say(device("carol"), DeviceState::online);
  EXPECT_EQ(ask(bob_, "presence", {{"with", "carol"}})["result"]["online"], true)
      << "carol has written to bob";
  EXPECT_TRUE(updates("carol", "bob").empty());

  ask(bob_, "accept", {{"with", "carol"}});
  EXPECT_EQ(ask(device("carol"), "presence", {{"with", "bob"}})["result"]["online"], true);
  say(bob_, DeviceState::offline);
  ASSERT_TRUE(eventually([&] { return updates("carol", "bob") == std::vector<bool>{false}; }));
}

TEST_F(Workers, TypingIsPassedOnBetweenThoseWhoHaveAgreedAlone) {
  const Device carol = device("carol");
  ask_to_talk("carol", "bob");
  const auto marked =
      [&](std::size_t count) {  // whatever came before has gone to a reader when alice's has come
        tell_typing(alice_, bob_);
        return eventually([&] {
          return std::ranges::count(typing(), "u/bob/in/alice/typing") == static_cast<long>(count);
        });
      };
  tell_typing(carol, bob_);
  tell_typing(bob_, carol);
  tell_typing(device("dave"), bob_);
  tell_typing(device("nobody"), device("noone"));
  ASSERT_TRUE(marked(1));
  ASSERT_TRUE(marked(2));
  EXPECT_EQ(typing().size(), 2U);

  ask(bob_, "accept", {{"with", "carol"}});
  tell_typing(carol, bob_);
  tell_typing(bob_, carol);
  // One of carol's of before may still be with a reader, and be passed on now.
  ASSERT_TRUE(eventually([&] {
    const auto passed = typing();
    return std::ranges::count(passed, "u/bob/in/carol/typing") >= 1 &&
           std::ranges::count(passed, "u/carol/in/bob/typing") >= 1;
  }));
  EXPECT_THAT(typing(), testing::Not(testing::Contains(testing::HasSubstr("/in/dave/"))));
  const auto last = publisher_.sent("deliver/0").back();
  EXPECT_EQ(decode_deliver_frame(last.payload)->front().qos, 0);
}

TEST_F(Workers, TypingEndsWithABlock) {
  ask(bob_, "block", {{"with", "alice"}});
  tell_typing(alice_, bob_);
  tell_typing(bob_, alice_);
  tell_typing(alice_, bob_);
  tell_typing(bob_, alice_);
  ASSERT_TRUE(eventually([&] { return typing().size() >= 2; }));
  EXPECT_EQ(typing(), (std::vector<std::string>{"u/alice/in/bob/typing", "u/alice/in/bob/typing"}));
}

TEST_F(Workers, DevicesKnowWhoIsOnlineAndWhenTheOthersWere) {
  say(alice_, DeviceState::online);
  auto devices = ask(alice_, "devices")["result"]["devices"];
  ASSERT_EQ(devices.size(), 1U);
  EXPECT_EQ(devices[0]["device"], "phone");
  EXPECT_EQ(devices[0]["online"], true);
  EXPECT_EQ(devices[0]["push"], nullptr);

  say(alice_, DeviceState::offline);
  ASSERT_TRUE(eventually([&] { return store_.database.reader()->last_seen(alice_.user).has_value(); }));
  devices = ask(alice_, "devices")["result"]["devices"];
  ASSERT_EQ(devices.size(), 1U);
  EXPECT_EQ(devices[0]["online"], false);
  EXPECT_TRUE(devices[0]["last_seen"].is_number_unsigned());
}

TEST_F(Workers, RefuseARequestForWhichThereIsNoRoom) {
  refuse_request(publisher_, {alice_, "history", R"({"req":"r9","with":"bob"})", "c"}, {});
  const auto sent = publisher_.sent("u/alice/d/phone/reply");
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(json::parse(sent[0].payload)["req"], "r9");
  EXPECT_EQ(error_of(json::parse(sent[0].payload)), "unavailable");
}

}  // namespace
}  // namespace duet
