#include "store_service/delivery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/store_service/fixtures.h"

namespace duet {
namespace {

using testing::ElementsAre;

std::vector<LogNumber> throughs(const std::vector<OutgoingDelivery>& deliveries) {
  std::vector<LogNumber> numbers;
  for (const auto& frame : pack_deliveries(deliveries)) numbers.push_back(frame.through);
  return numbers;
}

OutgoingDelivery delivery(LogNumber log_number, std::size_t bytes = 10) {
  return {"u/bob/in/alice/msg", std::string(bytes, 'x'), log_number};
}

TEST(PackDeliveries, PacksNothingIntoNoFrame) {
  EXPECT_TRUE(pack_deliveries({}).empty());
}

TEST(PackDeliveries, KeepsTheOrderInOneFrameWhileThereIsRoom) {
  const std::vector<OutgoingDelivery> deliveries{{"u/a/in/b/msg", "1", 1}, {"u/a/in/b/msg", "2", 2}};

  const auto frames = pack_deliveries(deliveries);

  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].through, 2U);
  const auto decoded = decode_deliver_frame(frames[0].bytes);
  ASSERT_TRUE(decoded.has_value());
  ASSERT_EQ(decoded->size(), 2U);
  EXPECT_EQ((*decoded)[0].payload, "1");
  EXPECT_EQ((*decoded)[1].payload, "2");
  EXPECT_EQ((*decoded)[1].qos, 1);
}

TEST(PackDeliveries, CutsFramesAtTheirSize) {
  const std::vector<OutgoingDelivery> deliveries(100, delivery(0, 1000));

  const auto frames = pack_deliveries(deliveries);

  EXPECT_EQ(frames.size(), 3U);
  for (const auto& frame : frames) EXPECT_LE(frame.bytes.size(), kMaxDeliverFrameBytes);
}

TEST(PackDeliveries, GivesADeliveryThatIsTooLargeItsOwnFrame) {
  EXPECT_THAT(throughs({delivery(1), delivery(2, 60'000), delivery(3)}), ElementsAre(1, 2, 3));
}

TEST(PackDeliveries, CountsAChangeAsToldWithItsSecondHalf) {
  EXPECT_THAT(throughs({delivery(7), delivery(7), delivery(8, 40'000), delivery(8, 40'000)}),
              ElementsAre(7, 8));
}

TEST(PackDeliveries, DoesNotCountAnswersAsChanges) {
  EXPECT_THAT(throughs({delivery(0)}), ElementsAre(0));
  EXPECT_THAT(throughs({delivery(4), delivery(0, 60'000), delivery(5)}), ElementsAre(4, 4, 5));
}

}  // namespace
}  // namespace duet
