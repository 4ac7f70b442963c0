#include "push_bridge/dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sqlite/transaction.h"
#include "tests/unit/push_bridge/push_fixtures.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using push_test::device;
using push_test::user;
using Action = Judgement::Action;

// Holds what is posted until the test answers it.
class FakePoster final : public Poster {
 public:
  bool post(HttpPost request, std::function<void(PostResult)> on_done) override {
    if (posts.size() >= window || full_hosts.contains(request.url)) return false;
    posts.push_back({std::move(request), std::move(on_done)});
    return true;
  }
  void renew_connections(const std::string& url) override { renewed.push_back(url); }

  struct Post {
    HttpPost request;
    std::function<void(PostResult)> on_done;
  };
  std::deque<Post> posts;
  std::size_t window = 100;
  std::set<std::string> full_hosts;  // by URL
  std::vector<std::string> renewed;
};

// Says of an answer what the test wants said.
class FakeSender final : public Sender {
 public:
  Platform platform() const override { return Platform::fcm; }
  std::optional<HttpPost> credentials_request(Timestamp /*now*/) override {
    if (!wants_credentials) return std::nullopt;
    return HttpPost{.url = "https://oauth/", .headers = {}, .body = "credentials"};
  }
  Judgement take_credentials(const PostResult& answer, Timestamp /*now*/) override {
    if (answer.status != 200) return {.action = Action::retry, .reason = "no", .after = 5s};
    wants_credentials = false;
    return {.action = Action::sent, .reason = "ok"};
  }
  Result<HttpPost, std::string> prepare(const Notification& notification, const Registration& registration,
                                        Timestamp /*now*/) override {
    if (impossible) return Failure<std::string>("never");
    notifications.push_back(notification);
    const auto own = urls.find(registration.device.user);
    return HttpPost{
        .url = own == urls.end() ? "https://fcm/send" : own->second, .headers = {}, .body = notification.id};
  }
  Judgement judge(const PostResult& /*result*/, const Notification& /*notification*/,
                  const Registration& /*registration*/, int attempt, Timestamp /*now*/) override {
    attempts.push_back(attempt);
    return verdict;
  }

  bool wants_credentials = false;
  bool impossible = false;
  std::map<UserId, std::string> urls;  // other than all others'
  Judgement verdict{.action = Action::sent, .reason = "sent"};
  std::vector<Notification> notifications;
  std::vector<int> attempts;
};

class DispatcherTest : public testing::Test {
 protected:
  DispatcherTest() { world_.register_phone(phone_); }

  std::unique_ptr<Dispatcher> make_dispatcher() {
    std::map<std::string, std::unique_ptr<Sender>> senders;
    auto sender = std::make_unique<FakeSender>();
    sender_ = sender.get();
    senders.emplace("fcm/app", std::move(sender));
    return std::make_unique<Dispatcher>(
        world_.database, world_.decision, std::move(senders),
        Dispatcher::Outlets{.poster = poster_,
                            .done = [this](PostDone done) { done_.push_back(std::move(done)); },
                            .ask =
                                [this](const PushCheck& check) {
                                  checks_.push_back(check);
                                  return true;
                                },
                            .new_id = [this] { return "push-" + std::to_string(++ids_); }},
        world_.counters);
  }

  void pump() { dispatcher_->pump(true, world_.instant()); }
  // The store answers every question so.
  void answer_checks(PushCheckAnswer::Standing standing) {
    for (const auto& check : std::exchange(checks_, {})) {
      dispatcher_->on_check({check.req, {check.of.size(), standing}}, world_.instant());
    }
    pump();
  }
  void answer_checks() {
    answer_checks({.read = 0, .last = 99, .blocked = false, .muted = false, .badge = 7});
  }
  // The provider answers the oldest post.
  void answer_post(int status, PostResult::Kind kind = PostResult::Kind::answered) {
    auto post = std::move(poster_.posts.front());
    poster_.posts.pop_front();
    post.on_done({.kind = kind, .status = status});
    for (auto& done : std::exchange(done_, {})) dispatcher_->on_posted(std::move(done), world_.instant());
    pump();
  }
  // One push, to where the provider has to answer.
  void push_one(Seq seq = 1) {
    world_.message(alice_, bob_, seq);
    pump();
    answer_checks();
  }
  Registration previewing(const Device& device) {
    auto registration = push_test::fcm(device, "token-of-" + format_client_id(device), world_.now());
    std::get<FcmTarget>(registration.target).preview = DeviceKeys{"key", "secret"};
    return registration;
  }
  void want_previews() { world_.decision.registered(previewing(phone_), world_.now()); }
  static PushCheckAnswer::Standing with_text(std::string text) {
    return {.read = 0, .last = 99, .blocked = false, .muted = false, .badge = 7, .text = std::move(text)};
  }
  std::optional<PushJob> job() { return world_.job(phone_, alice_); }

  push_test::World world_;
  const UserId alice_ = user("alice");
  const UserId bob_ = user("bob");
  const Device phone_ = device("bob", "phone");
  FakePoster poster_;
  std::vector<PostDone> done_;
  std::vector<PushCheck> checks_;
  int ids_ = 0;
  FakeSender* sender_ = nullptr;
  std::unique_ptr<Dispatcher> dispatcher_ = make_dispatcher();
};

TEST_F(DispatcherTest, APushIsCheckedPostedAndGone) {
  world_.message(alice_, bob_, 3);
  pump();
  ASSERT_EQ(checks_.size(), 1U);
  EXPECT_EQ(checks_[0].of, (std::vector<PushCheck::Pair>{{bob_, alice_}}));
  EXPECT_TRUE(poster_.posts.empty());
  answer_checks();
  ASSERT_EQ(poster_.posts.size(), 1U);
  const auto& says = sender_->notifications.at(0);
  EXPECT_EQ(says.id, "push-1");
  EXPECT_EQ(says.seq, 3U);
  EXPECT_EQ(says.badge, 7U);
  EXPECT_EQ(says.conversation, world_.database.conversation_tag(phone_, alice_));
  EXPECT_EQ(says.conversation.size(), 32U);
  answer_post(200);
  EXPECT_FALSE(job());
  EXPECT_EQ(world_.counters.sent, 1U);
}

TEST_F(DispatcherTest, ATextIsAskedForOnlyForADeviceThatWantsIt) {
  want_previews();
  const Device tablet = device("bob", "tablet");  // wants none
  world_.register_phone(tablet);
  world_.message(alice_, bob_, 3);
  pump();
  ASSERT_EQ(checks_.size(), 1U);
  EXPECT_THAT(checks_[0].of,
              testing::UnorderedElementsAre(PushCheck::Pair{bob_, alice_, 3}, PushCheck::Pair{bob_, alice_}));
  answer_checks(with_text("hello"));  // to both, whatever was asked
  ASSERT_EQ(sender_->notifications.size(), 2U);
  for (const auto& says : sender_->notifications) {
    ASSERT_EQ(says.preview.has_value(), says.to == phone_);
    if (!says.preview) continue;
    EXPECT_EQ(says.preview->from, alice_);
    EXPECT_EQ(says.preview->text, "hello");
  }
}

TEST_F(DispatcherTest, APushSpeaksOfTheMessageWhoseTextItHas) {
  want_previews();
  world_.message(alice_, bob_, 1);
  pump();
  world_.message(alice_, bob_, 2);
  answer_checks(with_text("one"));
  answer_post(200);
  EXPECT_EQ(sender_->notifications.at(0).seq, 1U);
  ASSERT_TRUE(job());  // of the other
  world_.pass(3s);
  pump();
  ASSERT_EQ(checks_.size(), 1U);
  EXPECT_EQ(checks_[0].of, (std::vector<PushCheck::Pair>{{bob_, alice_, 2}}));
  world_.message(alice_, bob_, 3);
  answer_checks();  // no text: the push may as well speak of the last
  ASSERT_EQ(sender_->notifications.size(), 2U);
  EXPECT_EQ(sender_->notifications[1].seq, 3U);
  EXPECT_FALSE(sender_->notifications[1].preview);
}

TEST_F(DispatcherTest, SilentPushesAskForNoText) {
  want_previews();
  push_one();
  answer_post(200);
  world_.receipt(bob_, alice_, 1, 1);
  world_.pass(Decision::kBadgeSettles);
  pump();
  ASSERT_EQ(checks_.size(), 1U);
  EXPECT_EQ(checks_[0].of, (std::vector<PushCheck::Pair>{{bob_, alice_}}));
}

TEST_F(DispatcherTest, NoCheckAsksForMoreTextsThanItMay) {
  constexpr std::size_t kPhones = 2 * kMaxPushPreviews + 1;
  for (std::size_t i = 0; i < kPhones; ++i) {
    const Device one = device("user" + std::to_string(i));
    world_.decision.registered(previewing(one), world_.now());
    world_.message(alice_, one.user, 1);
  }
  std::size_t asked = 0;
  for (int i = 0; i < 2; ++i) {  // a lane leases no more than kMaxPushChecks at once
    pump();
    for (const auto& check : checks_) {
      EXPECT_LE(check.of.size(), kMaxPushPreviews);
      EXPECT_TRUE(parse_push_check(format_push_check(check)));
      asked += check.of.size();
    }
    answer_checks(with_text("hello"));
  }
  EXPECT_EQ(asked, kPhones);
  EXPECT_EQ(sender_->notifications.at(0).preview->text, "hello");
}

TEST_F(DispatcherTest, WhatTheStoreObjectsToIsNotPosted) {
  world_.message(alice_, bob_, 3);
  pump();
  answer_checks({.read = 3, .last = 3, .blocked = false, .muted = false, .badge = 0});
  EXPECT_TRUE(poster_.posts.empty());
  EXPECT_FALSE(job());
  EXPECT_EQ(world_.counters.cancelled, 1U);
}

TEST_F(DispatcherTest, NothingIsPostedWithoutAnAnswerOfTheStore) {
  world_.message(alice_, bob_, 1);
  pump();
  for (int i = 0; i < 5; ++i) {
    world_.pass(Dispatcher::kCheckTimeout);
    pump();
  }
  EXPECT_TRUE(poster_.posts.empty());
  EXPECT_GE(checks_.size(), 2U);  // it is asked again
  checks_.erase(checks_.begin(), checks_.end() - 1);
  answer_checks();
  ASSERT_EQ(poster_.posts.size(), 1U);
  answer_post(200);
  EXPECT_THAT(sender_->attempts, testing::ElementsAre(1));
}

TEST_F(DispatcherTest, AnAnswerThatIsTooOldIsNotActedOn) {
  poster_.window = 0;
  push_one();
  world_.pass(Dispatcher::kCheckGood);
  poster_.window = 1;
  pump();
  EXPECT_TRUE(poster_.posts.empty());
  ASSERT_EQ(checks_.size(), 1U);
  answer_checks();
  EXPECT_EQ(poster_.posts.size(), 1U);
}

TEST_F(DispatcherTest, ARetryHasTheSameIdAndTheNextAttempt) {
  push_one();
  sender_->verdict = {.action = Action::retry, .reason = "HTTP 503", .after = 20s};
  answer_post(503);
  ASSERT_TRUE(job());
  EXPECT_EQ(world_.wait(phone_, alice_), 20s);
  EXPECT_TRUE(checks_.empty());
  world_.pass(20s);
  sender_->verdict = {.action = Action::sent, .reason = "sent"};
  pump();
  answer_checks();
  answer_post(200);
  EXPECT_THAT(sender_->attempts, testing::ElementsAre(1, 2));
  ASSERT_EQ(sender_->notifications.size(), 2U);
  EXPECT_EQ(sender_->notifications[0].id, sender_->notifications[1].id);
  EXPECT_FALSE(job());
}

TEST_F(DispatcherTest, ARetryThatSaysMoreIsAnotherPush) {
  push_one();
  sender_->verdict = {.action = Action::retry, .reason = "HTTP 503", .after = 20s};
  world_.message(alice_, bob_, 2);
  answer_post(503);
  world_.pass(20s);
  pump();
  answer_checks();
  answer_post(503);
  EXPECT_NE(sender_->notifications[0].id, sender_->notifications[1].id);
  EXPECT_EQ(sender_->notifications[1].seq, 2U);
  EXPECT_THAT(sender_->attempts, testing::ElementsAre(1, 1));
}

TEST_F(DispatcherTest, WhatIsReadDuringAnAttemptIsNotRetried) {
  push_one();
  world_.receipt(bob_, alice_, 1, 1);
  sender_->verdict = {.action = Action::retry, .reason = "HTTP 503", .after = 1s};
  answer_post(503);
  EXPECT_FALSE(job());
}

TEST_F(DispatcherTest, WhatIsReadDuringAnAttemptThatArrivesIsTakenBackSilently) {
  push_one();
  world_.receipt(bob_, alice_, 1, 1);
  answer_post(200);
  EXPECT_FALSE(job());
  EXPECT_TRUE(world_.badge(phone_, alice_));
}

TEST_F(DispatcherTest, AProcessThatDiesLeavesThePushWithItsId) {
  push_one();
  poster_.posts.clear();
  dispatcher_ = make_dispatcher();  // the next process
  EXPECT_EQ(world_.database.jobs().release_all(world_.now() + 2s), 1);
  world_.pass(2s);
  pump();
  answer_checks();
  answer_post(200);
  EXPECT_THAT(sender_->attempts, testing::ElementsAre(2));
  EXPECT_EQ(sender_->notifications.at(0).id, "push-1");
}

TEST_F(DispatcherTest, ALeaseThatRunsOutIsPendingAgain) {
  push_one();
  world_.pass(Dispatcher::kLease);
  pump();
  EXPECT_EQ(checks_.size(), 1U);
}

TEST_F(DispatcherTest, AGoneTokenIsForgottenWithAllItsPushes) {
  world_.message(user("carol"), bob_, 1);
  push_one();
  sender_->verdict = {.action = Action::drop_token, .reason = "UNREGISTERED"};
  answer_post(404);
  EXPECT_FALSE(world_.database.registrations().find(phone_));
  EXPECT_EQ(world_.database.jobs().size(), 0U);
  EXPECT_EQ(world_.counters.dropped, 1U);
}

TEST_F(DispatcherTest, ATokenThatWasRegisteredAfterItWasGoneStays) {
  push_one();
  sender_->verdict = {.action = Action::drop_token, .reason = "Unregistered", .gone_at = world_.now() - 1s};
  answer_post(410);
  EXPECT_TRUE(world_.database.registrations().find(phone_));
  EXPECT_FALSE(job());
  EXPECT_EQ(world_.counters.dead, 1U);
}

TEST_F(DispatcherTest, AnotherTokenOfTheDeviceStaysAndIsTried) {
  push_one();
  world_.decision.registered(push_test::fcm(phone_, "new", world_.now()), world_.now());
  sender_->verdict = {.action = Action::drop_token, .reason = "UNREGISTERED"};
  answer_post(404);
  EXPECT_TRUE(world_.database.registrations().find(phone_));
  EXPECT_TRUE(job());
  EXPECT_EQ(checks_.size(), 1U);
}

TEST_F(DispatcherTest, ASuspectTokenIsForgottenOnlyBesideGoodOnes) {
  sender_->verdict = {.action = Action::suspect_token, .reason = "BadDeviceToken"};
  push_one();
  answer_post(400);
  EXPECT_TRUE(world_.database.registrations().find(phone_));

  const Device tablet = device("bob", "tablet");
  world_.register_phone(tablet);
  sender_->verdict = {.action = Action::sent, .reason = "sent"};
  for (Seq seq = 2; seq <= 3; ++seq) {
    world_.pass(10min);
    push_one(seq);
    while (!poster_.posts.empty()) answer_post(200);
  }
  world_.pass(1s);
  world_.message(user("carol"), bob_, 1);
  pump();
  answer_checks();
  sender_->verdict = {.action = Action::suspect_token, .reason = "BadDeviceToken"};
  answer_post(400);
  EXPECT_EQ(world_.database.registrations().count(), 1U);
}

TEST_F(DispatcherTest, WhenEveryTokenIsRefusedNoneIsForgottenAndTheChannelPauses) {
  for (int i = 0; i < 60; ++i) {
    const Device one = device("user" + std::to_string(i));
    world_.register_phone(one);
    world_.message(alice_, one.user, 1);
  }
  sender_->verdict = {.action = Action::suspect_token, .reason = "DeviceTokenNotForTopic"};
  pump();
  answer_checks();
  while (!poster_.posts.empty()) answer_post(400);
  EXPECT_EQ(world_.database.registrations().count(), 61U);
  EXPECT_EQ(world_.counters.dropped, 0U);
  EXPECT_GT(world_.database.jobs().size(), 0U);  // they wait for the configuration
  EXPECT_TRUE(checks_.empty());
}

TEST_F(DispatcherTest, AWrongConfigurationPausesAndIsProbedOnceAMinute) {
  sender_->verdict = {.action = Action::pause, .reason = "InvalidProviderToken"};
  push_one();
  answer_post(403);
  EXPECT_TRUE(job());
  EXPECT_TRUE(checks_.empty());
  world_.pass(59s);
  pump();
  EXPECT_TRUE(checks_.empty());
  world_.message(user("carol"), bob_, 1);
  world_.pass(1s);
  pump();
  answer_checks();
  EXPECT_EQ(poster_.posts.size(), 1U);  // one of the two
  sender_->verdict = {.action = Action::sent, .reason = "sent"};
  answer_post(200);
  answer_checks();
  answer_post(200);
  EXPECT_EQ(world_.counters.sent, 2U);
  EXPECT_EQ(world_.database.jobs().size(), 0U);
}

TEST_F(DispatcherTest, AServiceThatFailsIsLeftAloneForAWhile) {
  sender_->verdict = {.action = Action::retry, .reason = "not sent", .after = 0ms};
  push_one();
  for (std::size_t i = 0; i < LaneHealth::kFailuresInARow; ++i) {
    ASSERT_EQ(poster_.posts.size(), 1U) << i;
    answer_post(0, PostResult::Kind::not_sent);
    answer_checks();
  }
  EXPECT_TRUE(poster_.posts.empty());
  EXPECT_TRUE(job());
  world_.pass(1s);
  pump();
  answer_checks();
  EXPECT_EQ(poster_.posts.size(), 1U);
}

TEST_F(DispatcherTest, WhatAFailingServiceMadeWaitKeepsItsPlaceByAge) {
  sender_->verdict = {.action = Action::retry, .reason = "not sent", .after = 0ms};
  push_one();
  for (std::size_t i = 1; i < LaneHealth::kFailuresInARow; ++i) {
    answer_post(0, PostResult::Kind::not_sent);
    answer_checks();
  }
  sender_->verdict.after = 30s;
  answer_post(0, PostResult::Kind::not_sent);
  world_.pass(1s);
  for (const char* peer : {"carol", "dave"}) {
    world_.message(user(peer), bob_, 1);
    world_.pass(1ms);
  }
  pump();
  ASSERT_EQ(checks_.size(), 1U);
  ASSERT_THAT(checks_[0].of, testing::ElementsAre(PushCheck::Pair{bob_, user("carol")}));  // the probe
  answer_checks();
  sender_->verdict = {.action = Action::sent, .reason = "sent"};
  answer_post(200);
  ASSERT_EQ(checks_.size(), 1U);
  EXPECT_THAT(checks_[0].of,
              testing::ElementsAre(PushCheck::Pair{bob_, alice_}, PushCheck::Pair{bob_, user("dave")}));
}

TEST_F(DispatcherTest, WhileAServiceIsLeftAloneNothingIsInHandForIt) {
  sender_->verdict = {.action = Action::retry, .reason = "not sent", .after = 30s};
  for (std::size_t i = 0; i < LaneHealth::kFailuresInARow; ++i) {
    world_.message(user("peer" + std::to_string(i)), bob_, 1);
  }
  world_.pass(1s);
  world_.message(alice_, bob_, 1);
  poster_.window = LaneHealth::kFailuresInARow;  // alice's waits
  pump();
  answer_checks();
  poster_.window = 0;
  for (std::size_t i = 0; i < LaneHealth::kFailuresInARow; ++i) {
    answer_post(0, PostResult::Kind::not_sent);
  }
  EXPECT_FALSE(job()->leased);
  world_.message(alice_, bob_, 2);
  poster_.window = 100;
  world_.pass(1s);
  pump();
  answer_checks();
  EXPECT_EQ(sender_->notifications.back().seq, 2U);
}

TEST_F(DispatcherTest, AServiceThatSaysTooMuchToAllIsLeftAloneForAsLong) {
  for (std::size_t i = 0; i <= LaneHealth::kFailuresInARow; ++i) {
    if (i == LaneHealth::kFailuresInARow) world_.pass(1s);
    world_.message(user("peer" + std::to_string(i)), bob_, 1);
  }
  poster_.window = LaneHealth::kFailuresInARow;  // the last is not on its way yet
  sender_->verdict = {.action = Action::retry, .reason = "QUOTA_EXCEEDED", .after = 60s, .of_all = true};
  pump();
  answer_checks();
  poster_.window = 0;
  for (std::size_t i = 0; i < LaneHealth::kFailuresInARow; ++i) answer_post(429);
  poster_.window = 100;
  world_.pass(59s);
  pump();
  answer_checks();
  EXPECT_TRUE(poster_.posts.empty());
  world_.pass(1s);
  pump();
  answer_checks();
  EXPECT_EQ(poster_.posts.size(), 1U);  // the probe
}

TEST_F(DispatcherTest, CredentialsComeBeforePushes) {
  sender_->wants_credentials = true;
  push_one();
  ASSERT_EQ(poster_.posts.size(), 1U);
  EXPECT_EQ(poster_.posts[0].request.body, "credentials");
  answer_post(500);
  EXPECT_TRUE(poster_.posts.empty());
  world_.pass(5s);
  pump();
  ASSERT_EQ(poster_.posts.size(), 1U);
  answer_post(200);
  ASSERT_EQ(poster_.posts.size(), 1U);
  EXPECT_EQ(poster_.posts[0].request.body, "push-1");
}

TEST_F(DispatcherTest, WhatFindsNoRoomIsPostedWhenThereIsSome) {
  poster_.window = 1;
  world_.message(user("carol"), bob_, 1);
  push_one();
  EXPECT_EQ(poster_.posts.size(), 1U);
  answer_post(200);
  EXPECT_EQ(poster_.posts.size(), 1U);
  answer_post(200);
  EXPECT_EQ(world_.counters.sent, 2U);
}

TEST_F(DispatcherTest, WhatFindsNoRoomKeepsItsPlaceAndIsNotMadeLongBefore) {
  poster_.window = 1;
  for (int i = 0; i < 150; ++i) {
    world_.register_phone(device("user" + std::to_string(i)));
    world_.message(alice_, user("user" + std::to_string(i)), 1);
    world_.pass(1ms);
  }
  pump();
  answer_checks();
  EXPECT_LT(sender_->notifications.size(), 50U);
  for (int i = 0; i < 150; ++i) {
    ASSERT_EQ(poster_.posts.size(), 1U) << i;
    EXPECT_EQ(poster_.posts[0].request.body, "push-" + std::to_string(i + 1));
    answer_post(200);
  }
  EXPECT_EQ(sender_->notifications.size(), 150U) << "each is made once";
}

TEST_F(DispatcherTest, AHostThatHasNoRoomHoldsUpNoOther) {
  const UserId carol = user("carol");
  world_.register_phone(device("carol"));
  sender_->urls[carol] = "https://other/send";
  world_.message(alice_, bob_, 1);
  world_.pass(1ms);
  world_.message(alice_, carol, 1);
  poster_.full_hosts.insert("https://fcm/send");
  pump();
  answer_checks();
  ASSERT_EQ(poster_.posts.size(), 1U);
  EXPECT_EQ(poster_.posts[0].request.url, "https://other/send");
  poster_.full_hosts.clear();
  answer_post(200);
  ASSERT_EQ(poster_.posts.size(), 1U);
  EXPECT_EQ(poster_.posts[0].request.url, "https://fcm/send");
}

TEST_F(DispatcherTest, WhatIsReadWhileItWaitsForRoomIsNotPosted) {
  poster_.window = 0;
  push_one();
  world_.receipt(bob_, alice_, 1, 1);
  poster_.window = 1;
  pump();
  EXPECT_TRUE(poster_.posts.empty());
  EXPECT_FALSE(job());
  EXPECT_EQ(world_.counters.cancelled, 1U);
}

TEST_F(DispatcherTest, HowLongAPushTookFromTheCommitIsCounted) {
  world_.message(alice_, bob_, 1);
  world_.pass(300ms);
  pump();
  answer_checks();
  world_.pass(200ms);
  answer_post(200);
  EXPECT_EQ(world_.counters.commit_to_sent.count(), 1U);
  EXPECT_EQ(world_.counters.commit_to_sent.max(), 500ms);
  EXPECT_THAT(format_counters(world_.counters), testing::HasSubstr("until it was sent: p50 500 ms"));
}

TEST_F(DispatcherTest, WhatCanNeverBeMadeIsGivenUp) {
  sender_->impossible = true;
  push_one();
  EXPECT_FALSE(job());
  EXPECT_EQ(world_.counters.dead, 1U);
}

TEST_F(DispatcherTest, AConnectionThatIsNoGoodIsLeft) {
  sender_->verdict = {.action = Action::remint, .reason = "ExpiredProviderToken", .close_connection = true};
  push_one();
  answer_post(403);
  EXPECT_THAT(poster_.renewed, testing::ElementsAre("https://fcm/send"));
  EXPECT_EQ(checks_.size(), 1U);  // again at once
}

TEST_F(DispatcherTest, WithoutTheBrokerNothingIsLeased) {
  world_.message(alice_, bob_, 1);
  pump();
  dispatcher_->put_back(world_.instant());
  EXPECT_FALSE(job()->leased);
  EXPECT_EQ(job()->attempt, 0);
  dispatcher_->pump(false, world_.instant());
  EXPECT_FALSE(job()->leased);
}

TEST_F(DispatcherTest, WakesWhenTheNextPushIsDue) {
  EXPECT_EQ(dispatcher_->next_wakeup(world_.instant()), std::nullopt);
  world_.online(phone_);
  world_.message(alice_, bob_, 1);
  EXPECT_EQ(dispatcher_->next_wakeup(world_.instant()), world_.instant().steady + 10s);
}

}  // namespace
}  // namespace duet
