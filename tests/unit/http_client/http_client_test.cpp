#include "http_client/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/support/fake_provider.h"
#include "tests/support/patience.h"

namespace duet {
namespace {

using testing::HasSubstr;

constexpr const char* kSet = R"({"keys":"of the provider"})";

std::string error_of(const Result<HttpResponse, std::string>& answer) {
  return answer ? "it was answered with " + std::to_string(answer->status) : answer.error();
}

TEST(HttpClient, GetsWhatAServerSaysWhoseCertificateIsRight) {
  FakeProvider provider;
  provider.publish(kSet);
  provider.set_cache_control("max-age=60");
  HttpClient client;
  const auto answer = client.get({.url = provider.keys_url(), .ca_file = provider.ca_file()});
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, kSet);
  EXPECT_EQ(answer->header("cache-control"), "max-age=60");
  EXPECT_EQ(answer->header("etag"), "\"1\"");
  EXPECT_EQ(answer->header("x-nothing"), "");

  const auto again = client.get(
      {.url = provider.keys_url(), .headers = {"If-None-Match: \"1\""}, .ca_file = provider.ca_file()});
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(again->status, 304);
  EXPECT_EQ(again->body, "");
}

TEST(HttpClient, BelievesNobodyElse) {
  HttpClient client;
  const FakeProvider unknown;
  EXPECT_THAT(error_of(client.get({.url = unknown.keys_url()})), HasSubstr("certificate"));
  const FakeProvider other_ca(FakeProvider::Certificate::of_another_ca);
  EXPECT_THAT(error_of(client.get({.url = other_ca.keys_url(), .ca_file = other_ca.ca_file()})),
              HasSubstr("certificate"));
  const FakeProvider other_host(FakeProvider::Certificate::of_another_host);
  EXPECT_THAT(error_of(client.get({.url = other_host.keys_url(), .ca_file = other_host.ca_file()})),
              HasSubstr("127.0.0.1"));
  EXPECT_EQ(unknown.begun() + other_ca.begun() + other_host.begun(), 0);
}

TEST(HttpClient, AsksNobodyInTheClear) {
  HttpClient client;
  for (const char* url : {"http://id.example.com/keys", "file:///etc/passwd", "ftp://127.0.0.1/", "keys"}) {
    EXPECT_THAT(error_of(client.get({.url = url})), HasSubstr("is no https URL")) << url;
  }
}

TEST(HttpClient, BoundsWhatItTakes) {
  FakeProvider provider;
  provider.publish(kSet);
  provider.set_mood(Mood::too_large);
  HttpClient client;
  EXPECT_THAT(error_of(client.get({.url = provider.keys_url(), .ca_file = provider.ca_file()})),
              HasSubstr("more than 262144 bytes"));
}

TEST(HttpClient, FollowsNoRedirect) {
  FakeProvider provider;
  provider.set_mood(Mood::redirecting);
  HttpClient client;
  const auto answer = client.get({.url = provider.keys_url(), .ca_file = provider.ca_file()});
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(answer->status, 302);
}

TEST(HttpClient, WaitsForAnAnswerSoLongAndNoLonger) {
  FakeProvider provider;
  provider.set_mood(Mood::slow);
  HttpClient client({.total = std::chrono::milliseconds(200)});
  EXPECT_THAT(error_of(client.get({.url = provider.keys_url(), .ca_file = provider.ca_file()})),
              HasSubstr("timed out"));
}

TEST(HttpClient, EndsWhenItIsTold) {
  FakeProvider provider;
  provider.set_mood(Mood::slow);
  HttpClient client({.total = std::chrono::minutes(10)});
  std::stop_source stop;
  std::jthread asker([&] {
    EXPECT_FALSE(client.get({.url = provider.keys_url(), .ca_file = provider.ca_file()}, stop.get_token()));
  });
  EXPECT_TRUE(eventually([&] { return provider.begun() == 1; }));
  stop.request_stop();
  asker.join();
}

TEST(HttpClient, SaysWhyThereIsNoAnswer) {
  FakeProvider provider;
  provider.go_away();
  HttpClient client;
  EXPECT_THAT(error_of(client.get({.url = provider.keys_url(), .ca_file = provider.ca_file()})),
              HasSubstr("onnect"));
}

}  // namespace
}  // namespace duet
