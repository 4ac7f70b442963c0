#include "client/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/sqlite.h"
#include "tests/unit/client/people.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class ClientDatabaseTest : public ::testing::Test {
 protected:
  std::filesystem::path directory() const { return temporary_.path() / "client"; }
  ClientDatabase open() const { return {directory(), {kAlice, DeviceId::parse("phone").value()}}; }
  static MessageId id(Seq seq) { return MessageId::parse("m" + std::to_string(seq)).value(); }
  static void tell(ClientDatabase& database, const UserId& peer, Seq first, Seq last) {
    std::vector<Told> told;
    for (Seq seq = first; seq <= last; ++seq) told.push_back({peer, seq, id(seq)});
    database.save({{peer, PeerMarks{.seen = last}}}, told, nullptr);
  }

 private:
  TemporaryDirectory temporary_;
};

TEST_F(ClientDatabaseTest, RemembersTheLastMessagesThatWereTold) {
  {
    auto database = open();
    tell(database, kBob, 1, 150);
    tell(database, kBob, 151, 300);
    tell(database, kCarol, 1, 2);
  }
  auto database = open();
  const auto told = database.told(kBob);
  EXPECT_THAT(told, SizeIs(kToldMessages));
  EXPECT_EQ(told.begin()->first, 101U);
  EXPECT_EQ(told.rbegin()->second, id(300));
  EXPECT_THAT(database.told(kCarol), ElementsAre(Pair(1, id(1)), Pair(2, id(2))));
}

TEST_F(ClientDatabaseTest, ForgetsWhatIsAfterAPlaceThatWentBack) {
  auto database = open();
  tell(database, kBob, 1, 9);
  database.save({{kBob, PeerMarks{.seen = 2}}}, {}, nullptr);
  EXPECT_THAT(database.told(kBob), ElementsAre(Pair(1, id(1)), Pair(2, id(2))));
}

TEST_F(ClientDatabaseTest, OfTheFirstVersionIsBroughtUpToDate) {
  {
    auto database = open();
    database.save({{kBob, PeerMarks{.seen = 7}}}, {}, nullptr);
  }
  {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open((directory() / "client.db").c_str(), &raw), SQLITE_OK);
    const SqliteHandle handle(raw);
    execute_sqlite(raw, "DROP TABLE told; PRAGMA user_version = 1");
  }
  auto database = open();
  EXPECT_EQ(database.marks().at(kBob).seen, 7U);
  EXPECT_THAT(database.told(kBob), IsEmpty());
}

}  // namespace
}  // namespace duet
