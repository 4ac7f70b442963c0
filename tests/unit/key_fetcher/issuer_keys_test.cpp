#include "key_fetcher/issuer_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>

#include "acl/signing_key.h"
#include "file_io/file.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Answer = Result<HttpResponse, std::string>;

const std::string kIssuer = "https://id.example.com/realms/chat";

// What is logged while it lives.
class LogCapture {
 public:
  LogCapture() {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(text_);
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", sink));
  }
  ~LogCapture() { spdlog::set_default_logger(before_); }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  // Since the last call.
  std::string take() { return std::exchange(text_, std::ostringstream()).str(); }

 private:
  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
  std::ostringstream text_;
};

// A provider that says what the test tells it to.
class IssuerKeysTest : public testing::Test {
 protected:
  explicit IssuerKeysTest(RemoteKeys remote = {.url = "https://id.example.com/keys"})
      : remote_(std::move(remote)) {}

  IssuerKeys make() {
    IssuerEntry entry;
    entry.issuer.issuer = kIssuer;
    entry.remote = remote_;
    return {entry, directory_.path(), [this](const HttpRequest& request, const std::stop_token&) {
              requests_.push_back(request.url);
              for (const auto& header : request.headers) requests_.push_back(header);
              if (next_.size() == 1) return next_.front();
              const Answer answer = next_.front();
              next_.erase(next_.begin());
              return answer;
            }};
  }
  std::filesystem::path file() const { return directory_.path() / fetched_keys_name(kIssuer); }
  std::string kept() const { return std::filesystem::exists(file()) ? read_file(file()) : ""; }
  auto attempt(IssuerKeys& keys) { return keys.attempt(now_, 0, {}); }
  static Answer says(std::string body, std::map<std::string, std::string> headers = {}) {
    return HttpResponse{.status = 200, .headers = std::move(headers), .body = std::move(body)};
  }
  static Answer error(std::string why) { return tl::unexpected(std::move(why)); }

  TemporaryDirectory directory_;
  RemoteKeys remote_;
  Timestamp now_{std::chrono::hours(24 * 365 * 50)};
  std::vector<Answer> next_{HttpResponse{}};  // the last for ever
  std::vector<std::string> requests_;
  LogCapture log_;
  const std::string set_ = SigningKey::generate(SignatureAlgorithm::es256).jwk_set();
  const std::string other_ = SigningKey::generate(SignatureAlgorithm::eddsa).jwk_set();
};

TEST_F(IssuerKeysTest, KeepsWhatCanBeUsedAndAsksWhetherItHasChanged) {
  auto keys = make();
  next_ = {says(set_, {{"etag", "\"a\""}, {"cache-control", "max-age=60"}})};
  EXPECT_EQ(attempt(keys), 60s);
  EXPECT_EQ(kept(), set_);
  EXPECT_THAT(requests_, ElementsAre("https://id.example.com/keys"));

  next_ = {HttpResponse{.status = 304}};
  const auto before = std::filesystem::last_write_time(file());
  EXPECT_EQ(attempt(keys), 300s);
  EXPECT_THAT(requests_, ElementsAre("https://id.example.com/keys", "https://id.example.com/keys",
                                     "If-None-Match: \"a\""));
  EXPECT_EQ(std::filesystem::last_write_time(file()), before);  // the broker has nothing to read

  next_ = {says(other_)};
  attempt(keys);
  EXPECT_EQ(kept(), other_);
  EXPECT_EQ(log_.take(), "");
}

TEST_F(IssuerKeysTest, AFileThatIsGoneIsFetchedWhole) {
  auto keys = make();
  next_ = {says(set_, {{"etag", "\"a\""}})};
  attempt(keys);
  std::filesystem::remove(file());
  requests_.clear();
  attempt(keys);
  EXPECT_THAT(requests_, ElementsAre("https://id.example.com/keys"));
  EXPECT_EQ(kept(), set_);
}

TEST_F(IssuerKeysTest, WhatCannotBeUsedReplacesNothing) {
  auto keys = make();
  next_ = {says(set_)};
  attempt(keys);
  const std::vector<Answer> bad{
      error("no route"),           HttpResponse{.status = 503},
      HttpResponse{.status = 302}, HttpResponse{.status = 304},  // nobody asked
      HttpResponse{.status = 200}, says("<html>"),
      says(R"({"keys":[]})"),      says(R"({"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]})")};
  for (const auto& answer : bad) {
    next_ = {answer};
    attempt(keys);
    EXPECT_EQ(kept(), set_);
  }
  next_ = {says(other_)};
  attempt(keys);
  EXPECT_EQ(kept(), other_);
}

TEST_F(IssuerKeysTest, FailuresAreLoggedOnceAndTriedAgainEverMoreSlowly) {
  auto keys = make();
  next_ = {error("no route")};
  EXPECT_EQ(attempt(keys), 1s);
  EXPECT_THAT(log_.take(), HasSubstr("the keys of " + kIssuer + " cannot be fetched: no route"));
  EXPECT_EQ(attempt(keys), 2s);
  EXPECT_EQ(attempt(keys), 4s);
  EXPECT_EQ(log_.take(), "");
  next_ = {says(set_)};
  EXPECT_EQ(attempt(keys), 300s);
  EXPECT_THAT(log_.take(), HasSubstr("can be fetched again"));
  next_ = {error("no route")};
  EXPECT_EQ(attempt(keys), 1s);
  EXPECT_THAT(log_.take(), HasSubstr("the last ones stay in use"));
}

TEST_F(IssuerKeysTest, TheLastSetIsUsedForSoLongAlsoAfterARestart) {
  remote_.keep = 1h;
  auto keys = make();
  next_ = {says(set_)};
  attempt(keys);
  now_ += 30min;
  attempt(keys);  // the same again: it counts from now
  next_ = {error("no route")};
  now_ += 1h;
  attempt(keys);
  EXPECT_EQ(kept(), set_);
  auto restarted = make();
  attempt(restarted);
  EXPECT_EQ(kept(), set_);
  log_.take();
  now_ += 1ms;
  attempt(restarted);
  EXPECT_EQ(kept(), "");
  EXPECT_THAT(log_.take(), HasSubstr("its tokens are refused"));
  attempt(restarted);
  EXPECT_EQ(log_.take(), "");
}

TEST_F(IssuerKeysTest, AStopIsNoFailure) {
  auto keys = make();
  next_ = {error("aborted")};
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(keys.attempt(now_, 0, stop.get_token()), 0s);
  EXPECT_EQ(log_.take(), "");
}

class DiscoveryTest : public IssuerKeysTest {
 protected:
  DiscoveryTest()
      : IssuerKeysTest({.url = kIssuer + "/.well-known/openid-configuration", .discovery = true}) {}
  static Answer document(const std::string& issuer, const std::string& url) {
    return says(R"({"issuer":")" + issuer + R"(","jwks_uri":")" + url + R"("})");
  }
};

TEST_F(DiscoveryTest, AsksWhereTheIssuerSays) {
  auto keys = make();
  next_ = {document(kIssuer, "https://id.example.com/certs"), says(set_)};
  attempt(keys);
  EXPECT_THAT(requests_,
              ElementsAre(kIssuer + "/.well-known/openid-configuration", "https://id.example.com/certs"));
  EXPECT_EQ(kept(), set_);
}

TEST_F(DiscoveryTest, BelievesNoOtherIssuerAndNoOtherScheme) {
  auto keys = make();
  for (const auto& answer :
       {document("https://id.example.com", "https://id.example.com/certs"), says("{}"), says("nonsense"),
        says("7"), document(kIssuer, "http://id.example.com/certs"), document(kIssuer, "file:///etc/keys"),
        error("no route"), Answer(HttpResponse{.status = 404})}) {
    next_ = {answer};
    requests_.clear();
    attempt(keys);
    EXPECT_EQ(requests_.size(), 1U);
    EXPECT_EQ(kept(), "");
  }
}

}  // namespace
}  // namespace duet
