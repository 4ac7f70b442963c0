#include "tests/fault/record.h"

#include <gmock/gmock.h>

#include <fstream>
#include <stdexcept>

#include "tests/support/process.h"

namespace duet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ReadRecord : public ::testing::Test {
 protected:
  PeerRecord read(const std::string& text) const {
    std::ofstream(file_) << text;
    return read_record(file_, "alice");
  }
  std::string complaint_of(const std::string& text) const {
    const PeerRecord record = read(text);
    return record.complaints.empty() ? "" : record.complaints.front();
  }
  std::string error_of(const std::string& text) const {
    try {
      read(text);
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return "";
  }

  TempDir dir_;
  const std::filesystem::path file_ = dir_.path() / "record";
};

std::string envelope(const std::string& from, const std::string& to, int seq) {
  return R"("seq":)" + std::to_string(seq) + R"(,"id":"m","from":")" + from + R"(","to":")" + to +
         R"(","ts":1,"type":"text/plain","body":"b","cur":"c")";
}

TEST_F(ReadRecord, ARefusedMessageIsNotAcknowledged) {
  const std::string published = R"({"t":"pub","peer":"bob","id":"m","body":"b"})"
                                "\n";
  const std::string acknowledged = R"({"t":"ack","peer":"bob","id":"m"})"
                                   "\n";
  const std::string refused = R"({"t":"refused","peer":"bob","id":"m"})"
                              "\n";
  const auto is_acknowledged = [this](const std::string& text) {
    return read(text).conversations.at("bob").messages.published.at(0).acknowledged;
  };
  EXPECT_TRUE(is_acknowledged(published + acknowledged));
  EXPECT_FALSE(is_acknowledged(published + acknowledged + refused));
  EXPECT_FALSE(is_acknowledged(published + refused + acknowledged));
}

TEST_F(ReadRecord, NoFileIsAnEmptyRecord) {
  const PeerRecord record = read_record(dir_.path() / "none", "alice");
  EXPECT_EQ(record.published(), 0U);
  EXPECT_THAT(record.conversations, IsEmpty());
}

TEST_F(ReadRecord, SortsByConversation) {
  const PeerRecord record = read(R"({"t":"connect"})"
                                 "\n"
                                 R"({"t":"pub","peer":"bob","id":"p-1","body":"one"})"
                                 "\n"
                                 R"({"t":"pub","peer":"carol","id":"p-2","body":"two"})"
                                 "\n"
                                 R"({"t":"ack","peer":"carol","id":"p-2"})"
                                 "\n"
                                 R"({"t":"live","topic":"u/alice/in/bob/msg","payload":{)" +
                                 envelope("bob", "alice", 1) +
                                 "}}\n"
                                 R"({"t":"told","envelope":{)" +
                                 envelope("alice", "carol", 2) +
                                 "}}\n"
                                 R"({"t":"sync","change":{"kind":"sent",)" +
                                 envelope("alice", "bob", 3) +
                                 "}}\n"
                                 R"({"t":"reset"})"
                                 "\n");
  EXPECT_EQ(record.connects, 1U);
  EXPECT_EQ(record.resets, 1U);
  EXPECT_EQ(record.published(), 2U);
  EXPECT_THAT(record.complaints, IsEmpty());
  const DeviceRecord& bob = record.conversations.at("bob").messages;
  const DeviceRecord& carol = record.conversations.at("carol").messages;
  ASSERT_THAT(bob.published, SizeIs(1));
  EXPECT_FALSE(bob.published[0].acknowledged);
  EXPECT_TRUE(carol.published.at(0).acknowledged);
  ASSERT_THAT(bob.live, SizeIs(1));
  EXPECT_EQ(bob.live[0].seq, 1U);
  EXPECT_EQ(carol.live.at(0).seq, 2U);
  EXPECT_EQ(bob.synced.at(0).seq, 3U);
}

TEST_F(ReadRecord, TakesMarksAndReceipts) {
  const PeerRecord record = read(R"({"t":"receipt","peer":"bob","delivered":3})"
                                 "\n"
                                 R"({"t":"receipt","peer":"bob","read":2})"
                                 "\n"
                                 R"({"t":"marks","peer":"bob","by":"bob","delivered":5,"read":4})"
                                 "\n"
                                 R"({"t":"sync","change":{"kind":"receipt","peer":"bob","by":"alice",)"
                                 R"("delivered":3,"read":2,"cur":"c"}})"
                                 "\n");
  const ConversationRecord& bob = record.conversations.at("bob");
  EXPECT_EQ(bob.delivered, 3U);
  EXPECT_EQ(bob.read, 2U);
  EXPECT_EQ(bob.marks.at(0).delivered, 5U);
  EXPECT_EQ(bob.synced_marks.at(0).by.str(), "alice");
}

TEST_F(ReadRecord, LeavesOutAnUnfinishedLastLine) {
  EXPECT_EQ(read("{\"t\":\"connect\"}\n{\"t\":\"conn").connects, 1U);
  EXPECT_EQ(read("{\"t\":\"connect\"}\n{\"t\":\"connect\"}").connects, 1U);
}

TEST_F(ReadRecord, ComplainsOfWhatIsNotForTheUser) {
  EXPECT_THAT(complaint_of(R"({"t":"live","topic":"u/carol/in/bob/msg","payload":{}})"
                           "\n"),
              HasSubstr("u/carol/in/bob/msg"));
  EXPECT_THAT(complaint_of(R"({"t":"live","topic":"u/alice/in/bob/msg","payload":{)" +
                           envelope("carol", "alice", 1) + "}}\n"),
              HasSubstr("an envelope from carol"));
  EXPECT_THAT(complaint_of(R"({"t":"live","topic":"u/alice/in/bob/sent","payload":{"seq":1}})"
                           "\n"),
              HasSubstr("no envelope"));
  EXPECT_THAT(complaint_of(R"({"t":"marks","peer":"bob","by":"carol","delivered":5,"read":4})"
                           "\n"),
              HasSubstr("marks of carol"));
  EXPECT_THAT(read("{\"t\":\"complaint\",\"what\":\"odd\"}\n").complaints, ElementsAre("odd"));
}

TEST_F(ReadRecord, RefusesWhatNoPeerProcessWrites) {
  EXPECT_THAT(error_of("{\"t\":\"connect\"}\nnonsense\n"), HasSubstr("line 2"));
  EXPECT_THAT(error_of("{\"t\":\"other\"}\n"), HasSubstr("unknown kind other"));
  EXPECT_THAT(error_of("{\"t\":\"ack\",\"peer\":\"bob\",\"id\":\"p-1\"}\n"), HasSubstr("never published"));
  const std::string published = "{\"t\":\"pub\",\"peer\":\"bob\",\"id\":\"p-1\",\"body\":\"b\"}\n";
  EXPECT_THAT(error_of(published + published), HasSubstr("published anew"));
}

}  // namespace
}  // namespace duet
