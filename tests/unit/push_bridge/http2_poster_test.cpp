// The poster against the push providers' double, over real TLS.
#include "push_bridge/http2_poster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/support/jws.h"
#include "tests/support/push_double.h"
#include "tests/unit/push_bridge/post_results.h"

namespace duet {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = PostResult::Kind;

std::string device(int n) {
  std::array<char, 65> hex{};
  std::snprintf(hex.data(), hex.size(), "%064x", static_cast<unsigned>(n));
  return hex.data();
}

std::string id(int n) {
  std::array<char, 37> uuid{};
  std::snprintf(uuid.data(), uuid.size(), "0f0f0f0f-0000-4000-8000-%012x", static_cast<unsigned>(n));
  return uuid.data();
}

class Http2PosterTest : public testing::Test {
 protected:
  // What a sender for APNs would make: push `n`, to a device of its own.
  HttpPost push(int n) const {
    const json payload{{"aps", {{"alert", {{"loc-key", "NEW_MESSAGE"}}}}}, {"s", n}};
    return {.url = provider_.url(PushProvider::apns) + "/3/device/" + device(n),
            .headers = {"authorization: bearer " + token_, "apns-topic: " + provider_.apns_topic(),
                        "apns-push-type: alert", "apns-id: " + id(n), "apns-collapse-id: c"},
            .body = payload.dump()};
  }

  PosterOptions options(milliseconds total = std::chrono::seconds(30)) const {
    return {.ca_file = provider_.ca_file(), .total = total};
  }

  void plan(const json& does, int n = 0, int times = 1, int after = 0) {
    provider_.plan({.provider = PushProvider::apns,
                    .does = does,
                    .token = n == 0 ? "" : device(n),
                    .times = times,
                    .after = after});
  }

  json counters() const { return provider_.counters().at("apns"); }

  PushDouble provider_;

 private:
  std::string make_token() const {
    const json header{{"alg", "ES256"}, {"kid", provider_.apns_key_id()}};
    const json claims{{"iss", provider_.apns_team()}, {"iat", std::time(nullptr)}};
    return sign_jws(header, claims, text_of(provider_.apns_key_file()));
  }

  const std::string token_ = make_token();
};

const char* kind_name(Kind kind) {
  constexpr std::array kNames{"answered", "not sent", "unknown", "untrusted"};
  return kNames.at(static_cast<std::size_t>(kind));
}

std::map<std::string, int> kinds_of(const std::map<int, PostResult>& results) {
  std::map<std::string, int> counts;
  for (const auto& [n, result] : results) ++counts[kind_name(result.kind)];
  return counts;
}

TEST_F(Http2PosterTest, BringsAnswers) {
  PostResults results;
  Http2Poster poster(options());
  results.post_in_turn(poster, 1, push(1));
  EXPECT_EQ(results.of(1).kind, Kind::answered) << results.of(1).error;
  EXPECT_EQ(results.of(1).status, 200);
  EXPECT_EQ(results.of(1).headers.at("apns-id"), id(1));
  EXPECT_EQ(results.of(1).body, "");

  plan({{"do", "answer"}, {"status", 410}, {"reason", "Unregistered"}, {"timestamp", 1'700'000'000'000}}, 2);
  results.post_in_turn(poster, 2, push(2));
  EXPECT_EQ(results.of(2).status, 410);
  EXPECT_EQ(json::parse(results.of(2).body),
            json({{"reason", "Unregistered"}, {"timestamp", 1'700'000'000'000}}));

  plan({{"do", "answer"},
        {"status", 503},
        {"body", "<html>Sorry</html>"},
        {"headers", {{"Retry-After", "7"}}}},
       3);
  results.post_in_turn(poster, 3, push(3));
  EXPECT_EQ(results.of(3).status, 503);
  EXPECT_EQ(results.of(3).headers.at("retry-after"), "7");
  EXPECT_EQ(results.of(3).body, "<html>Sorry</html>");

  EXPECT_EQ(poster.counters().answered, 3U);
  EXPECT_EQ(poster.counters().connections_opened, 1U);
  EXPECT_EQ(to_string(provider_.violations()), "");
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto in_seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime);
}

// DUET_POSTS: how many; it tells how fast.
TEST_F(Http2PosterTest, PostsManyAtOnceOnFewConnections) {
  const char* said = std::getenv("DUET_POSTS");
  const int posts = said == nullptr ? 3000 : std::atoi(said);
  std::vector<HttpPost> pushes;
  for (int n = 1; n <= posts; ++n) pushes.push_back(push(n));
  PostResults results;
  Http2Poster poster(options());
  const double cpu = cpu_seconds();
  const auto begun = std::chrono::steady_clock::now();
  for (int n = 1; n <= posts; ++n)
    results.post_in_turn(poster, n, pushes.at(static_cast<std::size_t>(n - 1)));
  const auto all = results.wait_all(static_cast<std::size_t>(posts));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  auto kinds = kinds_of(all);
  const int duplicates = counters().at("duplicates");
  std::printf("%d posts: %.0f a second, %.0f us of CPU each, %d connections at once; %d unknown, %d twice\n",
              posts, posts / took.count(), (cpu_seconds() - cpu) / posts * 1e6,
              counters().at("peak_open").get<int>(), kinds["unknown"], duplicates);

  EXPECT_THAT(all, SizeIs(posts));
  EXPECT_LE(counters().at("peak_open"), 4);
  EXPECT_EQ(to_string(provider_.violations()), "");
  // The server would end connections after a thousand resets of streams (stream_resets.h).
  EXPECT_EQ(kinds["answered"], posts);
  EXPECT_EQ(duplicates, 0);
  EXPECT_LE(poster.counters().connections_opened, 2U);
  EXPECT_GE(poster.counters().resets_left_out, static_cast<std::uint64_t>(posts));
}

TEST_F(Http2PosterTest, BeginsWithOne) {
  plan({{"do", "hang"}}, 1);
  PostResults results;
  {
    Http2Poster poster(options());
    EXPECT_TRUE(results.post(poster, 1, push(1)));
    EXPECT_FALSE(results.post(poster, 2, push(2)));
  }
  PostResults more;
  Http2Poster poster(options());
  more.post_in_turn(poster, 1, push(3));
  EXPECT_EQ(more.of(1).status, 200);
  plan({{"do", "hang"}}, 0, 0);
  for (int n = 1; n <= 100; ++n) EXPECT_TRUE(more.post(poster, 100 + n, push(100 + n))) << n;
  EXPECT_FALSE(more.post(poster, 201, push(201)));
}

TEST_F(Http2PosterTest, GoesOnAfterAGoaway) {
  plan({{"do", "goaway"}}, 0, 1, 100);
  plan({{"do", "goaway"}}, 0, 1, 250);
  PostResults results;
  Http2Poster poster(options());
  for (int n = 1; n <= 400; ++n) results.post_in_turn(poster, n, push(n));
  const auto all = results.wait_all(400);
  EXPECT_THAT(all, SizeIs(400));
  std::set<std::string> accepted;
  for (const AcceptedPush& one : provider_.accepted()) accepted.insert(one.id);
  for (const auto& [n, result] : all) {
    EXPECT_TRUE(result.kind != Kind::answered || accepted.contains(id(n))) << n;
  }
  EXPECT_GT(kinds_of(all)["answered"], 200) << json(kinds_of(all));
  EXPECT_GE(counters().at("connections"), 3);
  EXPECT_LE(counters().at("peak_open"), 4);
  results.post_in_turn(poster, 401, push(401));
  EXPECT_EQ(results.of(401).status, 200);
  EXPECT_EQ(to_string(provider_.violations()), "");
}

TEST_F(Http2PosterTest, LosesOneStreamAlone) {
  plan({{"do", "rst"}}, 7);
  PostResults results;
  Http2Poster poster(options());
  for (int n = 1; n <= 50; ++n) results.post_in_turn(poster, n, push(n));
  EXPECT_EQ(kinds_of(results.wait_all(50)), (std::map<std::string, int>{{"answered", 49}, {"unknown", 1}}));
  EXPECT_EQ(results.of(7).kind, Kind::unknown);
  EXPECT_EQ(counters().at("connections"), 1);
}

TEST_F(Http2PosterTest, KnowsNotWhatBecameOfWhatAResetTook) {
  PostResults results;
  Http2Poster poster(options());
  plan({{"do", "reset"}, {"accept", true}}, 1);
  results.post_in_turn(poster, 1, push(1));
  EXPECT_EQ(results.of(1).kind, Kind::unknown);
  EXPECT_THAT(results.of(1).error, Not(IsEmpty()));
  EXPECT_THAT(provider_.accepted(), SizeIs(1));

  // The next connection begins with one again.
  plan({{"do", "hang"}}, 2);
  EXPECT_TRUE(results.post(poster, 2, push(2)));
  EXPECT_FALSE(results.post(poster, 3, push(3)));
}

// So a push must say who it is: nothing here shows that it was sent twice.
TEST_F(Http2PosterTest, LibcurlSendsAgainOnItsOwn) {
  PostResults results;
  Http2Poster poster(options());
  results.post_in_turn(poster, 1, push(1));
  EXPECT_EQ(results.of(1).status, 200);
  plan({{"do", "reset"}, {"accept", true}}, 2);
  results.post_in_turn(poster, 2, push(2));
  EXPECT_EQ(results.of(2).status, 200);
  EXPECT_EQ(counters().at("duplicates"), 1);
  EXPECT_EQ(poster.counters().resent, 1U);
}

TEST_F(Http2PosterTest, WaitsForOneAnswerWithoutTheOthersWaiting) {
  PostResults results;
  Http2Poster poster(options(std::chrono::seconds(4)));
  plan({{"do", "hang"}}, 2);
  for (int n = 1; n <= 60; ++n) results.post_in_turn(poster, n, push(n));
  EXPECT_EQ(results.of(2).kind, Kind::unknown);
  EXPECT_THAT(results.of(2).error, HasSubstr("timed out"));
  EXPECT_EQ(kinds_of(results.wait_all(60)), (std::map<std::string, int>{{"answered", 59}, {"unknown", 1}}));
  EXPECT_EQ(counters().at("connections"), 1);
}

TEST_F(Http2PosterTest, LeavesAConnectionThatIsSilent) {
  PostResults results;
  Http2Poster poster(options(milliseconds(500)));
  int n = 0;
  const auto post_next = [&] {
    ++n;
    results.post_in_turn(poster, n, push(n));
    return results.of(n).kind;
  };
  // A slow machine may need more than one attempt.
  const auto connection_of_an_answered = [&] {
    while (post_next() != Kind::answered && n < 100) {
    }
    return provider_.accepted().back().connection;
  };
  const int before = connection_of_an_answered();
  plan({{"do", "hang"}}, 0, 3);
  for (int hung = 0; hung < 3; ++hung) EXPECT_EQ(post_next(), Kind::unknown) << results.of(n).error;
  EXPECT_NE(connection_of_an_answered(), before);
}

TEST_F(Http2PosterTest, RenewsConnections) {
  PostResults results;
  Http2Poster poster(options());
  results.post_in_turn(poster, 1, push(1));
  EXPECT_EQ(results.of(1).status, 200);
  poster.renew_connections(push(1).url);
  for (int n = 2; n <= 3; ++n) {
    results.post_in_turn(poster, n, push(n));
    EXPECT_EQ(results.of(n).status, 200) << results.of(n).error;
  }
  const auto accepted = provider_.accepted();
  ASSERT_THAT(accepted, SizeIs(3));
  EXPECT_NE(accepted[0].connection, accepted[1].connection);
  EXPECT_EQ(accepted[1].connection, accepted[2].connection);
  EXPECT_EQ(counters().at("duplicates"), 0);
}

TEST_F(Http2PosterTest, SaysWhatWasNeverSent) {
  PostResults results;
  Http2Poster poster(options());
  provider_.take_down(PushProvider::apns);
  results.post_in_turn(poster, 1, push(1));
  EXPECT_EQ(results.of(1).kind, Kind::not_sent) << results.of(1).error;
  provider_.bring_up(PushProvider::apns);
  results.post_in_turn(poster, 2, push(1));
  EXPECT_EQ(results.of(2).status, 200);
}

TEST_F(Http2PosterTest, BelievesNobodyElse) {
  PostResults results;
  Http2Poster poster;
  results.post_in_turn(poster, 1, push(1));
  EXPECT_EQ(results.of(1).kind, Kind::untrusted);
  EXPECT_THAT(results.of(1).error, HasSubstr("certificate"));
  EXPECT_EQ(counters().at("requests"), 0);
}

TEST_F(Http2PosterTest, TakesSoMuchOfAnAnswer) {
  PostResults results;
  Http2Poster poster(options());
  plan({{"do", "answer"}, {"status", 502}, {"body_bytes", 1'000'000}}, 1);
  results.post_in_turn(poster, 1, push(1));
  EXPECT_EQ(results.of(1).kind, Kind::answered) << results.of(1).error;
  EXPECT_EQ(results.of(1).status, 502);
  EXPECT_EQ(results.of(1).body, std::string(std::size_t{64} * 1024, 'x'));
  results.post_in_turn(poster, 2, push(2));
  EXPECT_EQ(results.of(2).status, 200);
}

TEST_F(Http2PosterTest, AnswersEverythingWhenItStops) {
  PostResults results;
  std::set<int> taken;
  {
    Http2Poster poster(options());
    results.post_in_turn(poster, 1, push(1));
    EXPECT_EQ(results.of(1).status, 200);
    plan({{"do", "hang"}}, 0, 0);
    for (int n = 2; n <= 200; ++n) {
      if (results.post(poster, n, push(n))) taken.insert(n);
    }
    EXPECT_THAT(taken, SizeIs(100));
  }
  const auto all = results.wait_all(0);
  for (const int n : taken) {
    ASSERT_TRUE(all.contains(n)) << n;
    EXPECT_TRUE(all.at(n).kind == Kind::unknown || all.at(n).kind == Kind::not_sent) << n;
  }
}

}  // namespace
}  // namespace duet
