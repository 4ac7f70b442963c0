#include "push_bridge/device_notes.h"

#include <gmock/gmock.h>

#include "tests/unit/push_bridge/push_fixtures.h"

namespace duet {
namespace {

using push_test::device;
using testing::ElementsAre;
using testing::SizeIs;

using Entry = PushDevices::Entry;

class DeviceNotesTest : public testing::Test {
 protected:
  DeviceNotesTest() { notes().connected(); }
  DeviceNotes& notes() { return database_.device_notes(); }
  std::optional<PushDevices> due() { return notes().due(now_); }

  const TemporaryDirectory directory_;
  PushDatabase database_{directory_.path() / "push.db", PushDatabase::Access::owner};
  DeviceNotes::Clock::time_point now_{std::chrono::hours(1)};
  const Device phone_ = device("bob", "phone");
  const Device laptop_ = device("bob", "laptop");
};

TEST_F(DeviceNotesTest, TellWhatBecameOfRegistrationsUntilItIsStored) {
  EXPECT_EQ(due(), std::nullopt);
  notes().taken(laptop_);
  notes().refused(phone_, "no such app");
  const auto told = due();
  ASSERT_TRUE(told);
  EXPECT_THAT(told->of, ElementsAre(Entry{laptop_, ""}, Entry{phone_, "no such app"}));
  EXPECT_EQ(due(), std::nullopt);
  now_ += DeviceNotes::kTellEvery;
  EXPECT_EQ(due(), told);
  notes().stored({told->req});
  now_ += DeviceNotes::kTellEvery;
  EXPECT_EQ(due(), std::nullopt);
}

TEST_F(DeviceNotesTest, TellTheLastOfADevice) {
  notes().refused(phone_, "no such app");
  notes().taken(phone_);
  EXPECT_THAT(due()->of, ElementsAre(Entry{phone_, ""}));
}

TEST_F(DeviceNotesTest, TellWhatHasChangedSinceItWasTold) {
  notes().refused(phone_, "no such app");
  const auto told = due();
  notes().taken(phone_);
  notes().stored({told->req});
  const auto next = due();
  ASSERT_TRUE(next);
  EXPECT_THAT(next->of, ElementsAre(Entry{phone_, ""}));
}

TEST_F(DeviceNotesTest, TellNothingWithoutAConnectionAndEverythingOnTheNext) {
  notes().disconnected();
  notes().taken(phone_);
  EXPECT_EQ(due(), std::nullopt);
  notes().connected();
  EXPECT_TRUE(due());
  notes().disconnected();
  notes().connected();
  EXPECT_TRUE(due());
}

TEST_F(DeviceNotesTest, TellPageByPage) {
  for (std::size_t i = 0; i <= kMaxPushDevices; ++i) notes().taken(device("bob", "d" + std::to_string(i)));
  const auto first = due();
  EXPECT_THAT(first->of, SizeIs(kMaxPushDevices));
  notes().stored({first->req});
  EXPECT_THAT(due()->of, SizeIs(1));
}

TEST_F(DeviceNotesTest, OutliveTheProcess) {
  notes().refused(phone_, std::string(1000, 'w'));
  PushDatabase beside(directory_.path() / "push.db", PushDatabase::Access::reader);
  beside.device_notes().connected();
  EXPECT_THAT(beside.device_notes().due(now_)->of,
              ElementsAre(Entry{phone_, std::string(kMaxRefusedBytes, 'w')}));
}

}  // namespace
}  // namespace duet
