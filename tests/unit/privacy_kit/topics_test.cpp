#include "privacy_kit/topics.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "acl/access.h"
#include "protocol/topic.h"

namespace duet::privacy {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

const UserId kMe = UserId::parse("me").value();
const Cast kCast{{kMe, UserId::parse("peer").value()},
                 {DeviceId::parse("phone").value(), DeviceId::parse("watch").value()}};

std::vector<Principal> everybody() {
  std::vector<Principal> all{Principal::of_device({kMe, kCast.devices[0]}, Timestamp::max())};
  for (const Role role : {Role::store, Role::push, Role::auth}) {
    all.push_back(Principal::of_service(role, "", Timestamp::max()));
  }
  return all;
}

TEST(PrivacyTopics, EveryRowOfTheTableIsTried) {
  for (const auto& who : everybody()) EXPECT_THAT(rows_not_tried(who, kCast), IsEmpty());
}

// Rows say it with a cast that lacks what they need, or the check above could not fail.
TEST(PrivacyTopics, ARowWithoutATopicIsNoticed) {
  const Cast others{{UserId::parse("peer").value()}, {DeviceId::parse("watch").value()}};
  EXPECT_THAT(rows_not_tried(everybody()[0], others), Contains("chat publish u/{me}/out/{user}/msg"));
}

TEST(PrivacyTopics, NamesAreOfTheGrammarAndTheirNeighboursAreNotThem) {
  const auto names = topic_names(kCast);
  for (const auto& name : names) EXPECT_TRUE(parse_topic(name)) << name;
  for (const auto& near : near_names(kCast)) {
    EXPECT_FALSE(std::binary_search(names.begin(), names.end(), near)) << near;
  }
  for (const std::string neighbour : {"u/me/out/peer/msg/more", "u/me/out/peer/MSG", "u//out/peer/msg",
                                      "/u/me/out/peer/msg", "u/me/out/peer"}) {
    EXPECT_THAT(near_names(kCast), Contains(neighbour));
  }
}

TEST(PrivacyTopics, FiltersAreValidOrSharedAndHaveEveryWildcard) {
  const auto filters = topic_filters(kCast);
  for (const auto& filter : filters) EXPECT_TRUE(valid_topic_filter(filter)) << filter;
  for (const std::string filter : {"#", "+/#", "u/#", "u/+/in/#", "u/peer/in/#", "u/me/d/watch/#",
                                   "u/me/in/#", "$share/kit/u/me/in/#", "$SYS/#", "deliver/+", "svc/#"}) {
    EXPECT_THAT(filters, Contains(filter));
  }
}

// Each principal is refused much more than it is granted, and something is granted to all.
TEST(PrivacyTopics, AreMostlyForbidden) {
  for (const auto& who : everybody()) {
    const auto filters = topic_filters(kCast);
    const auto granted = std::count_if(filters.begin(), filters.end(), [&](const std::string& filter) {
      return decide(who, Access::subscribe, filter).allowed();
    });
    EXPECT_LT(static_cast<std::size_t>(granted), filters.size() / 3);
    EXPECT_GT(granted, 0);
  }
}

}  // namespace
}  // namespace duet::privacy
