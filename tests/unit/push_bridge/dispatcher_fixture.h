// tests/unit/push_bridge/dispatcher_fixture.h: a dispatcher whose store and provider are the test.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "push_bridge/dispatcher.h"
#include "tests/unit/push_bridge/push_fixtures.h"

namespace duet {

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
    if (answer.status != 200)
      return {.action = Judgement::Action::retry, .reason = "no", .after = std::chrono::seconds(5)};
    wants_credentials = false;
    return {.action = Judgement::Action::sent, .reason = "ok"};
  }
  Result<HttpPost, std::string> prepare(const Notification& notification, const Registration& registration,
                                        Timestamp /*now*/) override {
    if (impossible) return Failure<std::string>("never");
    notifications.push_back(notification);
    const auto own = urls.find(registration.device.user);
    return HttpPost{
        .url = own == urls.end() ? "https://fcm/send" : own->second, .headers = {}, .body = notification.id};
  }
  Judgement judge(const PostResult& /*result*/, const Notification& notification,
                  const Registration& /*registration*/, int attempt, Timestamp /*now*/) override {
    attempts.push_back(attempt);
    if (notification.preview) ++kept_texts;
    return verdict;
  }

  bool wants_credentials = false;
  bool impossible = false;
  std::map<UserId, std::string> urls;  // other than all others'
  Judgement verdict{.action = Judgement::Action::sent, .reason = "sent"};
  std::vector<Notification> notifications;
  std::vector<int> attempts;
  int kept_texts = 0;  // that were still in memory when the request was made
};

class DispatcherTest : public testing::Test {
 protected:
  DispatcherTest() { world_.register_phone(phone_); }
  DispatcherTest(std::string channel, LaneNames lanes)
      : world_({}, std::move(lanes)), channel_(std::move(channel)) {}

  std::unique_ptr<Dispatcher> make_dispatcher() {
    std::map<std::string, std::unique_ptr<Sender>> senders;
    auto sender = std::make_unique<FakeSender>();
    sender_ = sender.get();
    senders.emplace(channel_, std::move(sender));
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
  std::optional<PushJob> job() { return world_.job(phone_, alice_); }

  push_test::World world_;
  const std::string channel_ = "fcm/app";
  const UserId alice_ = push_test::user("alice");
  const UserId bob_ = push_test::user("bob");
  const Device phone_ = push_test::device("bob", "phone");
  FakePoster poster_;
  std::vector<PostDone> done_;
  std::vector<PushCheck> checks_;
  int ids_ = 0;
  FakeSender* sender_ = nullptr;
  std::unique_ptr<Dispatcher> dispatcher_ = make_dispatcher();
};

}  // namespace duet
