// What the poster refuses to send: not to those who cannot take it as it should be.

#include <gtest/gtest.h>

#include <array>
#include <cstddef>

#include "push_bridge/http2_poster.h"
#include "tests/support/fake_provider.h"
#include "tests/unit/push_bridge/post_results.h"

namespace duet {
namespace {

TEST(Http2Poster, SendsNothingToWhoDoesNotSpeakHttp2) {
  FakeProvider provider;
  PostResults results;
  Http2Poster poster({.ca_file = provider.ca_file()});
  results.post_in_turn(poster, 1, {.url = provider.keys_url(), .body = "secret"});
  EXPECT_EQ(results.of(1).kind, PostResult::Kind::untrusted);
  EXPECT_EQ(results.of(1).error, "the server does not speak HTTP/2");
  EXPECT_EQ(provider.requests(), 0);
}

TEST(Http2Poster, PostsToNoOtherKindOfUrl) {
  PostResults results;
  Http2Poster poster;
  const std::array urls{"http://127.0.0.1:1/", "https://user@127.0.0.1/", "file:///etc/passwd", ""};
  for (int n = 0; n < static_cast<int>(urls.size()); ++n) {
    results.post_in_turn(poster, n, {.url = urls.at(static_cast<std::size_t>(n))});
    EXPECT_EQ(results.of(n).kind, PostResult::Kind::untrusted) << n;
  }
}

}  // namespace
}  // namespace duet
