#include "broker_plugin/intake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "journal/segment.h"
#include "protocol/service_payload.h"
#include "tests/unit/broker_plugin/gate_fixture.h"

namespace duet {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view kToBob = "u/alice/out/bob/msg";
constexpr std::string_view kHello = R"({"id":"m1","body":"hello"})";

class IntakeTest : public GateTest {
 protected:
  // The records in the journal, as a store would get them.
  std::vector<Record> journaled() {
    const auto store = connected(39, "duet-store.reader");
    EXPECT_TRUE(gate_->may_subscribe(store, "ingest/0", now_));
    const auto hello = decode_ingest_frame(published_on("ingest/0").at(0).payload);
    publish(store, "ingest/0/ctl", format_ingest_control({hello->node, IngestControl::Kind::from, 1}));
    tick();
    std::vector<Record> records;
    for (const auto& message : published_on("ingest/0")) {
      auto frame = decode_ingest_frame(message.payload).value();
      for (auto& record : frame.records) records.push_back(std::move(record));
    }
    return records;
  }
  void block(const char* blocker, const char* blocked) {
    const auto store = connected(38, "duet-store.blocks");
    EXPECT_TRUE(
        publish(store, "svc/store/blocks",
                format_block_update({false, {{*UserId::parse(blocker), *UserId::parse(blocked)}}, {}})));
  }
};

TEST_F(IntakeTest, AMessageIsInTheJournalAsItWasPublished) {
  EXPECT_TRUE(publish(alice(), kToBob, kHello));
  EXPECT_THAT(broker_.take(), IsEmpty());
  const auto records = journaled();
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0], (Record{1, kStart, RecordKind::message, *UserId::parse("alice"),
                                *DeviceId::parse("phone"), *UserId::parse("bob"), std::string(kHello)}));
}

TEST_F(IntakeTest, AReceiptIsInTheJournal) {
  EXPECT_TRUE(publish(alice(), "u/alice/out/bob/receipt", R"({"read":3})"));
  const auto records = journaled();
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].kind, RecordKind::receipt);
}

TEST_F(IntakeTest, BadMessagesAreRefusedWithTheirIdAndNotJournaled) {
  const auto client = alice();
  const std::vector<std::pair<std::string, ErrorCode>> rows{
      {R"({"id":"m1"})", ErrorCode::malformed},
      {R"({"id":"m1","body":1})", ErrorCode::malformed},
      {R"({"id":"m1","body":")" + std::string(32 * 1024 + 1, 'x') + R"("})", ErrorCode::too_large},
  };
  for (const auto& [payload, code] : rows) {
    EXPECT_FALSE(publish(client, kToBob, payload));
    const auto error = error_of_alice();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->refusal.code, code);
    EXPECT_EQ(error->topic, kToBob);
    EXPECT_EQ(error->id, MessageId::parse("m1"));
  }
  for (const std::string payload : {"", "{", "[]", "null", R"({"body":"\u0000"})"}) {
    EXPECT_FALSE(publish(client, kToBob, payload));
    EXPECT_EQ(code_of_alice(), ErrorCode::malformed) << payload;
  }
  EXPECT_FALSE(publish(client, kToBob, std::string(200 * 1024 + 1, ' ')));
  EXPECT_EQ(code_of_alice(), ErrorCode::too_large);
  EXPECT_THAT(journaled(), IsEmpty());
}

TEST_F(IntakeTest, NobodyWritesToOneself) {
  const auto client = alice();
  EXPECT_FALSE(publish(client, "u/alice/out/alice/msg", kHello));
  EXPECT_EQ(code_of_alice(), ErrorCode::malformed);
  EXPECT_FALSE(publish(client, "u/alice/out/alice/receipt", R"({"read":3})"));
  EXPECT_EQ(code_of_alice(), ErrorCode::malformed);
  EXPECT_FALSE(publish(client, "u/alice/out/alice/typing", R"({"typing":true})"));
  EXPECT_EQ(code_of_alice(), ErrorCode::malformed);
  EXPECT_THAT(journaled(), IsEmpty());
}

TEST_F(IntakeTest, ABlockedUserIsToldSo) {
  block("bob", "alice");
  const auto client = alice();
  EXPECT_FALSE(publish(client, kToBob, kHello));
  const auto error = error_of_alice();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->refusal.code, ErrorCode::blocked);
  EXPECT_EQ(error->id, MessageId::parse("m1"));
  EXPECT_FALSE(publish(client, "u/alice/out/bob/receipt", R"({"read":3})"));
  EXPECT_EQ(code_of_alice(), ErrorCode::blocked);
  EXPECT_FALSE(publish(client, "u/alice/out/bob/typing", R"({"typing":true})"));
  EXPECT_EQ(code_of_alice(), ErrorCode::blocked);
  EXPECT_TRUE(publish(connected(1, "bob:phone"), "u/bob/out/alice/msg", kHello));
}

TEST_F(IntakeTest, TypingIsPassedOnAndNotStored) {
  EXPECT_TRUE(publish(alice(), "u/alice/out/bob/typing", R"({"typing":true, "more": 1})"));
  const auto passed = broker_.take();
  ASSERT_THAT(passed, SizeIs(1));
  EXPECT_EQ(passed[0].topic, "u/bob/in/alice/typing");
  EXPECT_EQ(passed[0].payload, R"({"typing":true})");
  EXPECT_EQ(passed[0].qos, Qos::at_most_once);
  EXPECT_THAT(journaled(), IsEmpty());
}

TEST_F(IntakeTest, WhereConsentIsRequiredTypingIsTheStoresToPassOn) {
  options_.require_consent = true;
  start();
  EXPECT_TRUE(publish(alice(), "u/alice/out/bob/typing", R"({"typing":false})"));
  const auto passed = broker_.take();
  ASSERT_THAT(passed, SizeIs(1));
  EXPECT_EQ(passed[0].topic, "svc/broker/typing");
  EXPECT_EQ(parse_typing_notice(passed[0].payload),
            (TypingNotice{*UserId::parse("alice"), *UserId::parse("bob"), false}));
  EXPECT_EQ(passed[0].qos, Qos::at_most_once);
  block("bob", "alice");
  EXPECT_FALSE(publish(alice(), "u/alice/out/bob/typing", R"({"typing":true})"));
  EXPECT_EQ(code_of_alice(), ErrorCode::blocked);
}

TEST_F(IntakeTest, TheStoreIsNotAskedOfMoreTypingThanItCanTake) {
  options_.require_consent = true;
  options_.rates.device_events = {0, 0};
  start();
  const auto client = alice();
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(publish(client, "u/alice/out/bob/typing", R"({"typing":true})"));  // nobody is told
  }
  EXPECT_THAT(broker_.take(), SizeIs(2000));
  pass(std::chrono::milliseconds(100));
  for (int i = 0; i < 200; ++i) publish(client, "u/alice/out/bob/typing", R"({"typing":true})");
  EXPECT_THAT(broker_.take(), SizeIs(100));
}

TEST_F(IntakeTest, MessagesAreLimitedPerUser) {
  options_.rates.messages = {10, 3};
  start();
  const auto phone = alice();
  const auto tab = connected(1, "alice:tab");
  EXPECT_TRUE(publish(phone, kToBob, kHello));
  EXPECT_TRUE(publish(tab, kToBob, kHello));
  EXPECT_TRUE(publish(phone, kToBob, kHello));
  EXPECT_FALSE(publish(phone, kToBob, kHello));
  const auto error = error_of_alice();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->refusal.code, ErrorCode::rate_limited);
  EXPECT_EQ(error->id, MessageId::parse("m1"));
  EXPECT_EQ(error->retry_after, std::chrono::milliseconds(100));
  EXPECT_TRUE(publish(connected(2, "bob:phone"), "u/bob/out/alice/msg", kHello));
  pass(*error->retry_after);
  EXPECT_TRUE(publish(phone, kToBob, kHello));
}

TEST_F(IntakeTest, EventsOfEveryKindShareOneLimitPerDevice) {
  options_.rates.device_events = {10, 2};
  start();
  store();
  bridge();
  const auto client = alice();
  const auto tab = connected(1, "alice:tab");
  const std::vector<std::pair<std::string, std::string>> kinds{
      {"u/alice/out/bob/receipt", R"({"read":3})"},
      {"u/alice/out/bob/typing", R"({"typing":true})"},
      {"u/alice/d/phone/presence", R"({"state":"online"})"},
      {"u/alice/d/phone/push", R"({"platform":"fcm","token":"t"})"},
  };
  for (const auto& [topic, payload] : kinds) {
    pass(std::chrono::milliseconds(200));  // full again
    EXPECT_TRUE(publish(client, "u/alice/out/bob/receipt", R"({"read":3})")) << topic;
    EXPECT_TRUE(publish(client, topic, payload)) << topic;
    broker_.take();
    EXPECT_FALSE(publish(client, topic, payload)) << topic;
    const auto error = error_of_alice();
    ASSERT_TRUE(error) << topic;
    EXPECT_EQ(error->refusal.code, ErrorCode::rate_limited) << topic;
    EXPECT_EQ(error->topic, topic);
    EXPECT_EQ(error->retry_after, std::chrono::milliseconds(100)) << topic;
    EXPECT_TRUE(publish(client, kToBob, kHello)) << "messages have a limit of their own";
    EXPECT_TRUE(publish(tab, "u/alice/out/bob/receipt", R"({"read":3})")) << "so has each device";
    pass(*error->retry_after);
    EXPECT_TRUE(publish(client, topic, payload)) << topic;
  }
}

TEST_F(IntakeTest, ARequestNeedsAStore) {
  const auto client = alice();
  EXPECT_FALSE(publish(client, "u/alice/d/phone/req/history", R"({"req":"7","with":"bob"})"));
  const auto sent = broker_.take();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(sent[0].topic, "u/alice/d/phone/error");
  EXPECT_EQ(parse_error(sent[0].payload)->refusal.code, ErrorCode::unavailable);
  EXPECT_EQ(sent[1].topic, "u/alice/d/phone/reply");
  EXPECT_EQ(sent[1].correlation, "correlation");
  EXPECT_THAT(sent[1].payload, HasSubstr(R"("req":"7")"));
  EXPECT_THAT(sent[1].payload, HasSubstr(R"("method":"history")"));
  EXPECT_THAT(sent[1].payload, HasSubstr(R"("unavailable")"));

  const auto service = store();
  EXPECT_TRUE(publish(client, "u/alice/d/phone/req/history", R"({"req":"7","with":"bob"})"));
  EXPECT_THAT(broker_.take(), IsEmpty());
  EXPECT_TRUE(gate_->may_unsubscribe(service, "u/+/d/+/req/+"));
  EXPECT_FALSE(publish(client, "u/alice/d/phone/req/history", R"({"req":"7","with":"bob"})"));
}

TEST_F(IntakeTest, ABadRequestIsAnsweredWhenItsReqCanBeRead) {
  store();
  const auto client = alice();
  EXPECT_FALSE(publish(client, "u/alice/d/phone/req/history", R"({"req":"7","with":"a b"})"));
  EXPECT_THAT(broker_.take(), SizeIs(2));
  EXPECT_FALSE(publish(client, "u/alice/d/phone/req/history", R"({"with":"bob"})"));
  EXPECT_EQ(code_of_alice(), ErrorCode::malformed);
  EXPECT_FALSE(publish(client, "u/alice/d/phone/req/history", std::string(4097, ' ')));
  EXPECT_EQ(code_of_alice(), ErrorCode::too_large);
}

TEST_F(IntakeTest, RequestsAreLimitedPerDevice) {
  options_.rates.requests = {1, 1};
  start();
  store();
  const auto client = alice();
  EXPECT_TRUE(publish(client, "u/alice/d/phone/req/sync", R"({"req":"1"})"));
  EXPECT_FALSE(publish(client, "u/alice/d/phone/req/sync", R"({"req":"2"})"));
  const auto sent = broker_.take();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(parse_error(sent[0].payload)->refusal.code, ErrorCode::rate_limited);
  EXPECT_EQ(parse_error(sent[0].payload)->retry_after, std::chrono::seconds(1));
  EXPECT_THAT(sent[1].payload, HasSubstr(R"("req":"2")"));
  EXPECT_TRUE(publish(connected(1, "alice:tab"), "u/alice/d/tab/req/sync", R"({"req":"1"})"));
}

TEST_F(IntakeTest, APushRegistrationNeedsSomebodyToTakeIt) {
  const auto client = alice();
  EXPECT_FALSE(publish(client, "u/alice/d/phone/push", R"({"platform":"fcm","token":"t"})"));
  EXPECT_EQ(code_of_alice(), ErrorCode::unavailable);
  const auto service = store();
  EXPECT_FALSE(publish(client, "u/alice/d/phone/push", R"({"platform":"fcm","token":"t"})"));
  EXPECT_EQ(code_of_alice(), ErrorCode::unavailable) << "the bridge would never hear of it";
  bridge();
  EXPECT_TRUE(publish(client, "u/alice/d/phone/push", R"({"platform":"fcm","token":"t"})"));
  EXPECT_TRUE(gate_->may_unsubscribe(service, "u/+/d/+/push"));
  EXPECT_FALSE(publish(client, "u/alice/d/phone/push", R"({"platform":"fcm","token":"t"})"));
  EXPECT_EQ(code_of_alice(), ErrorCode::unavailable) << "nor the store";
  EXPECT_FALSE(publish(client, "u/alice/d/phone/push", R"({"platform":"pigeon"})"));
  EXPECT_EQ(code_of_alice(), ErrorCode::malformed);
}

TEST_F(IntakeTest, BadPresenceIsRefused) {
  const auto client = alice();
  for (const char* payload : {"", "{}", R"({"state":"away"})"}) {
    EXPECT_FALSE(publish(client, "u/alice/d/phone/presence", payload));
    EXPECT_EQ(code_of_alice(), ErrorCode::malformed) << payload;
  }
}

TEST_F(IntakeTest, WithoutAJournalAMessageIsUnavailable) {
  options_.segment_bytes = 100;
  start();
  const auto client = alice();
  EXPECT_TRUE(publish(client, kToBob, kHello));
  // The directory is gone: the next segment cannot be made.
  std::filesystem::remove_all(options_.journal_dir / "0");
  EXPECT_FALSE(publish(client, kToBob, kHello));
  const auto error = error_of_alice();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->refusal.code, ErrorCode::unavailable);
  EXPECT_EQ(error->id, MessageId::parse("m1"));
}

TEST_F(IntakeTest, ConversationsKeepToTheirPartition) {
  options_.partitions = 4;
  start();
  const auto client = alice();
  for (int i = 0; i < 40; ++i) {
    EXPECT_TRUE(publish(client, "u/alice/out/peer" + std::to_string(i) + "/msg", kHello));
  }
  for (int p = 0; p < 4; ++p) {
    const auto size =
        std::filesystem::file_size(options_.journal_dir / std::to_string(p) / segment_file_name(1));
    EXPECT_GT(size, kSegmentHeaderBytes) << "partition " << p;
  }
}

}  // namespace
}  // namespace duet
