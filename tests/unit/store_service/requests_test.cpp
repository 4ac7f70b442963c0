#include "store_service/requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "protocol/json_codec.h"
#include "tests/unit/store_service/database.h"

namespace duet {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

class Requests : public testing::Test {
 protected:
  static RequestPayload parse(const std::string& payload) {
    return parse_request(R"({"req":"1",)" + payload + "}", {}).value();
  }
  Answer history(std::string_view me, const std::string& payload) {
    return answer_history(*reader_, user(me), parse(payload));
  }
  Answer conversations(std::string_view me, const std::string& payload = R"("x":0)") {
    return answer_conversations(*reader_, store_.database.epoch(), user(me), parse(payload), at_ms(1000));
  }
  Answer sync(std::string_view me, const std::string& payload = R"("x":0)") {
    return answer_sync(*reader_, store_.database.epoch(), user(me), parse(payload));
  }
  void store_messages(int count, const std::string& body = "hi") {
    std::vector<Record> records;
    for (int i = 1; i <= count; ++i) {
      records.push_back(message_record(0, "alice", "bob",
                                       R"({"id":"m)" + std::to_string(i) + R"(","body":")" + body + "\"}"));
    }
    store_.store(std::move(records));
  }
  static std::vector<Seq> seqs(const json& items) {
    std::vector<Seq> seqs;
    for (const auto& item : items) seqs.push_back(item.at("seq"));
    return seqs;
  }

  TemporaryStore store_;
  std::unique_ptr<StoreReader> reader_ = store_.database.reader();
};

TEST_F(Requests, HistoryEndsWithTheLastMessages) {
  store_messages(5);
  const auto page = history("bob", R"("with":"alice","limit":2)").value();
  EXPECT_THAT(seqs(page["messages"]), ElementsAre(4, 5));
  EXPECT_EQ(page["more"], true);
}

TEST_F(Requests, HistoryPagesBackwards) {
  store_messages(3);
  EXPECT_THAT(seqs(history("bob", R"("with":"alice","before":3)").value()["messages"]), ElementsAre(1, 2));
  EXPECT_EQ(history("bob", R"("with":"alice","before":3)").value()["more"], false);
  EXPECT_THAT(seqs(history("bob", R"("with":"alice","before":1)").value()["messages"]), IsEmpty());
}

TEST_F(Requests, HistoryPagesForwards) {
  store_messages(5);
  const auto page = history("alice", R"("with":"bob","after":1,"limit":2)").value();
  EXPECT_THAT(seqs(page["messages"]), ElementsAre(2, 3));
  EXPECT_EQ(page["more"], true);
  EXPECT_EQ(history("alice", R"("with":"bob","after":4)").value()["more"], false);
}

TEST_F(Requests, HistoryCarriesWholeEnvelopes) {
  store_.store_message("alice", "bob", "m1", "hello");
  const auto page = history("bob", R"("with":"alice")").value();
  const auto envelope = parse_envelope(dump(page["messages"][0])).value();
  EXPECT_EQ(envelope.id, message_id("m1"));
  EXPECT_EQ(envelope.from, user("alice"));
  EXPECT_EQ(envelope.body, "hello");
}

TEST_F(Requests, HistoryIsEmptyWithAStranger) {
  store_messages(1);
  for (const auto* me : {"alice", "carol"}) {
    const auto page = history(me, R"("with":"nobody")").value();
    EXPECT_THAT(page["messages"], IsEmpty());
    EXPECT_EQ(page["more"], false);
  }
}

TEST_F(Requests, HistoryHasAMillionsLimitCutTo200) {
  store_messages(201);
  EXPECT_EQ(history("bob", R"("with":"alice","limit":1000000)").value()["messages"].size(), 200U);
  EXPECT_EQ(history("bob", R"("with":"alice")").value()["messages"].size(), 50U);
}

TEST_F(Requests, HistoryRefusesWhatMakesNoSense) {
  for (const auto* payload : {R"("x":0)", R"("with":"alice")", R"("with":"bob","before":5,"after":1)",
                              R"("with":"bob","before":"cursor")"}) {
    const auto answer = history("alice", payload);
    ASSERT_FALSE(answer.has_value()) << payload;
    EXPECT_EQ(answer.error().code, ErrorCode::malformed) << payload;
  }
}

// A body of control characters grows sixfold on its way into JSON.
class LargeBodies : public Requests {
 protected:
  LargeBodies() {
    std::string body;
    for (int i = 0; i < 9'000; ++i) body += R"(\u0001)";
    store_messages(8, body);
  }
};

TEST_F(LargeBodies, EndAPageOfHistoryEarlyOnTheSideThatIsFurther) {
  const auto last = history("bob", R"("with":"alice")").value();
  EXPECT_LE(dump(last).size(), std::size_t{128} * 1024);
  EXPECT_THAT(seqs(last["messages"]), ElementsAre(7, 8));
  EXPECT_EQ(last["more"], true);

  const auto first = history("bob", R"("with":"alice","after":0)").value();
  EXPECT_LE(dump(first).size(), std::size_t{128} * 1024);
  EXPECT_THAT(seqs(first["messages"]), ElementsAre(1, 2));
  EXPECT_EQ(first["more"], true);
}

TEST_F(LargeBodies, EndAPageOfSyncEarlyAndSkipNothing) {
  std::vector<Seq> all;
  json page{{"live", false}};
  std::string parameters = R"("x":0)";
  while (!page["live"].get<bool>()) {
    page = sync("bob", parameters).value();
    ASSERT_FALSE(page["changes"].empty());
    EXPECT_LE(dump(page).size(), std::size_t{128} * 1024);
    for (const auto seq : seqs(page["changes"])) all.push_back(seq);
    parameters = R"("cursor":")" + page["cursor"].get<std::string>() + '"';
  }
  EXPECT_THAT(all, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
}

// A device that can receive packets of at most so many bytes asks for everything.
class SmallPackets : public Requests {
 protected:
  // The reply as it is published, page by page as long as there is more.
  json reply(const std::string& method, std::uint64_t max_bytes, const std::string& parameters) {
    const ReplyTo to{device("bob"), method, "1", "correlation", max_bytes};
    const auto limits = page_limits(to);
    const auto request = parse(parameters);
    const auto answer =
        method == "sync"      ? answer_sync(*reader_, store_.database.epoch(), user("bob"), request, limits)
        : method == "history" ? answer_history(*reader_, user("bob"), request, limits)
                              : answer_conversations(*reader_, store_.database.epoch(), user("bob"), request,
                                                     at_ms(1000), limits);
    const auto payload = format_reply_that_fits(to, answer);
    if (answer) {
      EXPECT_LE(reply_packet_bytes(to, payload.size()), max_bytes);
    }
    return json::parse(payload);
  }
  std::vector<json> sync_all(std::uint64_t max_bytes) {
    std::vector<json> changes;
    std::string parameters = R"("limit":200)";
    for (;;) {
      const auto page = reply("sync", max_bytes, parameters).at("result");
      for (const auto& change : page.at("changes")) changes.push_back(change);
      if (page.at("live") == true) return changes;
      EXPECT_FALSE(page.at("changes").empty());
      parameters = R"("limit":200,"cursor":")" + page.at("cursor").get<std::string>() + '"';
    }
  }
};

TEST_F(SmallPackets, GetEverythingInPagesOfTheirSize) {
  store_messages(20, std::string(300, 'b'));
  for (const std::uint64_t max_bytes : {1024U, 2000U, 4096U, 10'000U}) {
    const auto changes = sync_all(max_bytes);
    ASSERT_EQ(changes.size(), 20U) << max_bytes;
    for (std::size_t i = 0; i < changes.size(); ++i) {
      EXPECT_EQ(changes.at(i).at("seq"), i + 1);
      EXPECT_EQ(changes.at(i).at("body").get<std::string>().size(), 300U);
    }
  }
}

TEST_F(SmallPackets, GetAMessageThatIsTooLargeWithoutItsBody) {
  store_.store_message("alice", "bob", "m1", "first");
  store_.store_message("alice", "bob", "m2", std::string(5000, 'b'));
  store_.store_message("alice", "bob", "m3", "last");
  const auto changes = sync_all(1024);
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes.at(0).at("body"), "first");
  EXPECT_EQ(changes.at(2).at("body"), "last");
  const json& second = changes.at(1);
  EXPECT_FALSE(second.contains("body"));
  EXPECT_EQ(second.at("id"), "m2");
  EXPECT_EQ(second.at("seq"), 2);
  // What it says is what it takes, and not a byte less.
  const auto needed = second.at("omitted").get<std::uint64_t>();
  const auto with = [&](std::uint64_t max_bytes) {
    return reply("history", max_bytes, R"("with":"alice","after":1,"limit":1)")
        .at("result")
        .at("messages")
        .at(0);
  };
  EXPECT_TRUE(with(needed).contains("body"));
  EXPECT_EQ(reply("conversations", 1024, R"("limit":1)")
                .at("result")
                .at("conversations")
                .at(0)
                .at("last")
                .at("body"),
            "last");
}

TEST_F(SmallPackets, GetTheSummaryOfAConversationWithoutABodyThatIsTooLarge) {
  store_.store_message("alice", "bob", "m1", std::string(5000, 'b'));
  const auto last =
      reply("conversations", 1024, R"("limit":1)").at("result").at("conversations").at(0).at("last");
  EXPECT_FALSE(last.contains("body"));
  EXPECT_GT(last.at("omitted"), 5000);
}

TEST_F(SmallPackets, AreToldTheLeastSizeIfNoItemFits) {
  store_messages(3);
  for (const auto* method : {"sync", "history", "conversations"}) {
    const std::string parameters = R"("limit":200,"with":"alice")";
    const auto error = reply(method, 300, parameters).at("error");
    EXPECT_EQ(error.at("code"), "too_large");
    const auto needed = error.at("max_bytes").get<std::uint64_t>();
    EXPECT_GT(needed, 300U);
    EXPECT_LT(needed, 1024U);
    EXPECT_TRUE(reply(method, needed, parameters).contains("result")) << method;
  }
}

TEST_F(SmallPackets, AreToldTheLeastSizeForAReplyWithoutPages) {
  const ReplyTo small{device("bob"), "blocks", "1", "", 300};
  const Answer answer = json{{"users", std::string(400, 'u')}};
  const auto error = json::parse(format_reply_that_fits(small, answer)).at("error");
  EXPECT_EQ(error.at("code"), "too_large");
  ReplyTo enough = small;
  enough.max_bytes = error.at("max_bytes").get<std::uint64_t>();
  EXPECT_EQ(format_reply_that_fits(enough, answer), format_reply(enough, answer));
  --*enough.max_bytes;
  EXPECT_NE(format_reply_that_fits(enough, answer), format_reply(enough, answer));
}

TEST_F(Requests, ConversationsAreSummedUpNewestFirst) {
  store_.store_message("alice", "bob", "m1");
  store_.store_message("carol", "alice", "m2", "newest");
  store_.store_receipt("bob", "alice", R"({"read":1})");
  store_.block("alice", "carol");

  const auto page = conversations("alice").value();

  ASSERT_EQ(page["conversations"].size(), 2U);
  EXPECT_EQ(page["more"], false);
  const auto& newest = page["conversations"][0];
  EXPECT_EQ(newest["peer"], "carol");
  EXPECT_EQ(newest["last"]["body"], "newest");
  EXPECT_EQ(newest["unread"], 1);
  EXPECT_EQ(newest["blocked"], true);
  EXPECT_EQ(newest["mine"], (json{{"delivered", 0}, {"read", 0}}));
  const auto& other = page["conversations"][1];
  EXPECT_EQ(other["peer"], "bob");
  EXPECT_EQ(other["unread"], 0);
  EXPECT_EQ(other["theirs"], (json{{"delivered", 1}, {"read", 1}}));
  EXPECT_EQ(other["blocked"], false);
}

TEST_F(Requests, ConversationsArePaged) {
  for (const auto* peer : {"bob", "carol", "dave"}) store_.store_message("alice", peer, "m");

  const auto first = conversations("alice", R"("limit":2)").value();
  EXPECT_EQ(first["conversations"][0]["peer"], "dave");
  EXPECT_EQ(first["conversations"][1]["peer"], "carol");
  EXPECT_EQ(first["more"], true);

  const auto before = R"("before":")" + first["cursor"].get<std::string>() + '"';
  const auto second = conversations("alice", before).value();
  ASSERT_EQ(second["conversations"].size(), 1U);
  EXPECT_EQ(second["conversations"][0]["peer"], "bob");
  EXPECT_EQ(second["more"], false);
}

TEST_F(Requests, ConversationsRefuseAForeignCursor) {
  EXPECT_EQ(conversations("alice", R"("before":"elsewhere.7")").error().code, ErrorCode::reset);
  EXPECT_EQ(conversations("alice", R"("before":7)").error().code, ErrorCode::malformed);
}

TEST_F(Requests, SyncTellsChangesAsTheLiveTopicsDo) {
  const auto message = store_.store_message("alice", "bob", "m1", "hello");
  const auto receipt = store_.store_receipt("bob", "alice", R"({"delivered":1})");

  const auto alice = sync("alice").value();
  ASSERT_EQ(alice["changes"].size(), 2U);
  auto expected = json::parse(message.deliveries[0].payload);
  expected["kind"] = "sent";
  EXPECT_EQ(alice["changes"][0], expected);
  expected = json::parse(receipt.deliveries[0].payload);
  expected["kind"] = "receipt";
  expected["peer"] = "bob";
  EXPECT_EQ(alice["changes"][1], expected);
  EXPECT_EQ(alice["live"], true);
  EXPECT_EQ(alice["cursor"], alice["changes"][1]["cur"]);

  const auto bob = sync("bob").value();
  EXPECT_EQ(bob["changes"][0]["kind"], "msg");
  EXPECT_EQ(bob["changes"][1]["peer"], "alice");
}

TEST_F(Requests, SyncGoesOnFromACursor) {
  store_messages(3);
  const auto first = sync("bob", R"("limit":2)").value();
  EXPECT_THAT(seqs(first["changes"]), ElementsAre(1, 2));
  EXPECT_EQ(first["live"], false);

  const auto cursor = R"("cursor":")" + first["cursor"].get<std::string>() + '"';
  const auto second = sync("bob", cursor).value();
  EXPECT_THAT(seqs(second["changes"]), ElementsAre(3));
  EXPECT_EQ(second["live"], true);
}

TEST_F(Requests, SyncStaysWhereItIsWhenThereIsNothingNew) {
  EXPECT_EQ(sync("bob").value()["cursor"], store_.cursor(0));
  store_messages(1);
  const auto cursor = sync("bob").value()["cursor"].get<std::string>();
  const auto page = sync("bob", R"("cursor":")" + cursor + '"').value();
  EXPECT_THAT(page["changes"], IsEmpty());
  EXPECT_EQ(page["cursor"], cursor);
  EXPECT_EQ(page["live"], true);
}

TEST_F(Requests, SyncGoesOnFromTheCursorOfAnyLiveEnvelope) {
  const auto first = store_.store_message("alice", "bob", "m1");
  store_.store_message("carol", "bob", "m2");
  const auto cursor = parse_envelope(first.deliveries[0].payload)->cursor;
  const auto page = sync("bob", R"("cursor":")" + cursor + '"').value();
  ASSERT_EQ(page["changes"].size(), 1U);
  EXPECT_EQ(page["changes"][0]["from"], "carol");
}

TEST_F(Requests, SyncAnswersResetToACursorItNeverGave) {
  store_messages(1);
  const auto ahead = store_.cursor(std::numeric_limits<LogNumber>::max());
  for (const auto& cursor : {std::string("0123456789abcdef.0"), std::string("x"), ahead}) {
    EXPECT_EQ(sync("bob", R"("cursor":")" + cursor + '"').error().code, ErrorCode::reset) << cursor;
  }
}

TEST_F(Requests, SyncTellsAThirdUserNothing) {
  store_messages(3);
  EXPECT_THAT(sync("carol").value()["changes"], IsEmpty());
}

TEST_F(Requests, BlocksAreListed) {
  store_.block("alice", "bob");
  store_.block("carol", "alice");
  EXPECT_EQ(answer_blocks(*reader_, user("alice")).value(), (json{{"users", {"bob"}}}));
  EXPECT_EQ(answer_blocks(*reader_, user("bob")).value(), (json{{"users", json::array()}}));
}

TEST_F(Requests, DevicesAreThoseStoredAndThoseOnline) {
  const auto id = [](const char* name) { return DeviceId::parse(name).value(); };
  const auto answer = answer_devices({{id("old"), at_ms(5), "fcm"}, {id("phone"), at_ms(6), ""}},
                                     {id("phone"), id("tablet")}, at_ms(9));

  EXPECT_EQ(answer.value()["devices"],
            json::parse(R"([{"device":"old","online":false,"last_seen":5,"push":"fcm"},
                            {"device":"phone","online":true,"last_seen":9,"push":null},
                            {"device":"tablet","online":true,"last_seen":9,"push":null}])"));
}

TEST(ParseMethod, KnowsTheMethodsOfTheContract) {
  for (const auto* name : {"history", "conversations", "sync", "presence", "block", "unblock", "blocks",
                           "devices", "accept", "mute", "unmute"}) {
    EXPECT_TRUE(parse_method(name)) << name;
  }
  for (const auto* name : {"", "History", "histor", "historyy", "delete"}) {
    EXPECT_FALSE(parse_method(name)) << name;
  }
}

TEST(FormatReply, CarriesTheQuestionAndItsAnswer) {
  const ReplyTo to{device("alice"), "block", "r1", ""};
  EXPECT_EQ(json::parse(format_reply(to, json::object())),
            json::parse(R"({"req":"r1","method":"block","result":{}})"));
  EXPECT_EQ(json::parse(format_reply(to, refuse(ErrorCode::malformed, "why"))),
            json::parse(R"({"req":"r1","method":"block","error":{"code":"malformed","message":"why"}})"));
}

}  // namespace
}  // namespace duet
