// duet-store's verify, backup and restore, as an operator calls them beside a running platform.

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/chatter.h"
#include "tests/support/platform_test.h"
#include "tests/support/verify_platform.h"

namespace duet {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class StoreTools : public OwnPlatformTest {
 protected:
  static Finished tool(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program("duet-store"));
    return run_command(arguments);
  }
  std::string database() { return database_of(platform()).string(); }
  std::string journal() { return journal_of(platform()).string(); }
  std::string backup() const { return (dir_.path() / "backup.db").string(); }

  TempDir dir_;
};

TEST_F(StoreTools, FindNothingWhileMessagesFlow) {
  Chatter alice(platform(), {.user = "alice", .peer = "bob", .interval = std::chrono::milliseconds(2)});
  Chatter bob(platform(), {.user = "bob", .peer = "alice", .interval = std::chrono::milliseconds(2)});
  for (std::size_t messages = 0; messages < 600; messages += 200) {
    ASSERT_TRUE(eventually([&] { return alice.confirmed() > messages; }));
    EXPECT_THAT(verify_platform(platform()), IsEmpty());
  }
  ASSERT_EQ(tool({"backup", "--database", database(), "--to", backup()}).status, 0);
  const Finished verified = tool({"verify", "--database", backup()});
  EXPECT_EQ(verified.status, 0) << verified.out;
  EXPECT_THAT(verified.out, HasSubstr("sound: 0 violations; "));
  alice.finish();
  bob.finish();
  platform().stop();
  EXPECT_THAT(verify_platform(platform()), IsEmpty()) << "stopped";
  platform().start();
}

TEST_F(StoreTools, TellOfRecordsThatNobodyHas) {
  ASSERT_EQ(tool({"backup", "--database", database(), "--to", backup()}).status, 0);
  TestDevice alice(platform(), "alice");
  ASSERT_EQ(alice.connect(), kSuccess);
  const std::string body(30'000, 'x');  // until a segment is full, stored and forgotten
  for (int i = 0; i < 600; ++i) alice.publish_message("bob", body, "m" + std::to_string(i));
  ASSERT_TRUE(eventually(
      [&] { return !std::filesystem::exists(journal_of(platform()) / "00000000000000000001.seg"); }));
  const Finished verified = tool({"verify", "--database", backup(), "--journal", journal()});
  EXPECT_EQ(verified.status, 1);
  EXPECT_THAT(verified.out, HasSubstr("records 1 to "));
  EXPECT_THAT(verify_platform(platform()), IsEmpty());
}

// `cp duet.db` beside a running store leaves what is only in duet.db-wal behind.
TEST_F(StoreTools, VerifySaysHowToCopyADatabaseThatCameWithoutItsLog) {
  const auto copy = dir_.path() / "duet.db";
  std::filesystem::copy_file(database(), copy);
  const Finished verified = tool({"verify", "--database", copy.string()});
  EXPECT_EQ(verified.status, 2);
  EXPECT_THAT(verified.err, HasSubstr("duet-store backup"));
  EXPECT_THAT(verified.err, Not(HasSubstr("start a store with it")));
}

TEST_F(StoreTools, AreClearAboutWhatTheyCannotDo) {
  const struct {
    std::vector<std::string> arguments;
    int status;
    std::string says;
  } all[] = {
      {{"--help"}, 0, ""},
      {{"verify", "--help"}, 0, ""},
      {{}, 2, "--config"},
      {{"serve"}, 2, "--config"},
      {{"verify"}, 2, "--database"},
      {{"repair"}, 2, "repair"},
      {{"--config", "x.toml", "verify", "--database", database()}, 2, "--config"},
      {{"serve", "--config", "/no/store.toml"}, 1, "/no/store.toml"},
      {{"verify", "--database", "/no/duet.db"}, 2, "/no/duet.db"},
      {{"verify", "--database", database(), "--journal", "/no/journal"}, 1, ""},
      {{"backup", "--database", "/no/duet.db", "--to", backup()}, 1, "/no/duet.db"},
      {{"backup", "--database", database(), "--to", database()}, 1, "is there already"},
      {{"restore", "--backup", database(), "--database", database(), "--replace"}, 1, "in use"},
      {{"restore", "--backup", "/no/backup.db", "--database", backup()}, 1, "/no/backup.db"},
  };
  for (const auto& call : all) {
    const Finished finished = tool(call.arguments);
    EXPECT_EQ(finished.status, call.status) << ::testing::PrintToString(call.arguments);
    EXPECT_THAT(finished.err, HasSubstr(call.says));
    EXPECT_THAT(finished.err, Not(HasSubstr("terminate")));
  }
}

TEST_F(StoreTools, VerifyNamesWhatIsBroken) {
  auto alice = online("alice");
  for (const auto* body : {"one", "two"}) alice->send("bob", body);
  platform().stop();
  const auto segment = journal_of(platform()) / "00000000000000000001.seg";
  {
    std::fstream stream(segment, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(60);
    stream << "damaged";
  }
  const auto violations = verify_platform(platform());
  EXPECT_THAT(violations, ::testing::ElementsAre(HasSubstr(segment.string() + ", offset 48")));
  std::filesystem::remove_all(journal_of(platform()));
  platform().start();
}

}  // namespace
}  // namespace duet
