#include "client/requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/json_codec.h"

namespace duet {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RequestsTest : public ::testing::Test {
 protected:
  void ask(std::optional<SteadyTime> deadline = std::nullopt) {
    requests_.add("devices", {}, deadline,
                  [this](const Requests::Answer& answer) { answers_.push_back(answer); });
  }
  // The `req` of the one question that is due; empty when none is.
  std::string publish() {
    const auto due = requests_.due(now_);
    if (due.empty()) return "";
    EXPECT_THAT(due, SizeIs(1));
    EXPECT_EQ(due.front().method, "devices");
    return json::parse(due.front().payload).at("req");
  }
  void reply(const json& payload) { reply_text(dump(payload)); }
  void reply_text(const std::string& payload) {
    if (auto answered = requests_.reply(payload, now_)) answered->handler(std::move(answered->answer));
  }
  static json refusal(const std::string& req, const std::string& code) {
    return {{"req", req}, {"method", "devices"}, {"error", {{"code", code}, {"message", "why"}}}};
  }

  Requests requests_{"p."};
  SteadyTime now_{std::chrono::hours(1)};
  std::vector<Requests::Answer> answers_;
};

TEST_F(RequestsTest, AnswersOnceWithTheResult) {
  requests_.open();
  ask();
  const auto req = publish();
  EXPECT_EQ(req, "p.1");
  reply({{"req", req}, {"method", "devices"}, {"result", {{"devices", json::array()}}}});
  reply({{"req", req}, {"method", "devices"}, {"result", json::object()}});
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_EQ(answers_[0].value(), (json{{"devices", json::array()}}));
  EXPECT_EQ(requests_.next_time(), std::nullopt);
}

TEST_F(RequestsTest, ARefusalIsAnAnswerUnlessItIsForNow) {
  requests_.open();
  ask();
  const auto req = publish();
  reply(refusal(req, "unavailable"));
  reply(refusal(req, "rate_limited"));
  EXPECT_THAT(answers_, IsEmpty());
  EXPECT_EQ(requests_.next_time(), now_ + seconds(2)) << "the second pause is longer";
  now_ += seconds(2);
  EXPECT_EQ(publish(), req) << "the same question";
  reply(refusal(req, "not_found"));
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_EQ(answers_[0].error().code, ErrorCode::not_found);
}

TEST_F(RequestsTest, AsksAgainWhenNoAnswerComes) {
  requests_.open();
  ask();
  for (const auto pause : {seconds(5), seconds(10), seconds(20), seconds(30), seconds(30)}) {
    EXPECT_EQ(publish(), "p.1");
    EXPECT_EQ(publish(), "");
    EXPECT_EQ(requests_.next_time(), now_ + pause);
    now_ += pause;
  }
}

TEST_F(RequestsTest, AsksAgainAfterANewConnection) {
  ask();
  EXPECT_EQ(publish(), "") << "not connected yet";
  requests_.open();
  EXPECT_EQ(publish(), "p.1");
  requests_.close();
  EXPECT_EQ(publish(), "");
  requests_.open();
  EXPECT_EQ(publish(), "p.1");
}

TEST_F(RequestsTest, GivesUpAtTheDeadlineConnectedOrNot) {
  ask(now_ + seconds(60));
  EXPECT_EQ(requests_.next_time(), now_ + seconds(60));
  EXPECT_THAT(requests_.expired(now_), IsEmpty());
  for (auto& late : requests_.expired(now_ + seconds(60))) late.handler(late.answer);
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_EQ(answers_[0].error().code, ErrorCode::unavailable);
  EXPECT_THAT(requests_.expired(now_ + seconds(60)), IsEmpty());
}

TEST_F(RequestsTest, LeavesOutWhatIsNoReplyToIt) {
  requests_.open();
  ask();
  const auto req = publish();
  for (const auto* text : {"", "[]", "{}", "{\"req\": 1}", "{\"req\": \"other\", \"result\": {}}", "\xff"}) {
    reply_text(text);
  }
  reply({{"req", req}});
  reply({{"req", req}, {"error", "text"}});
  EXPECT_THAT(answers_, IsEmpty());
}

}  // namespace
}  // namespace duet
