// A program of its own, so that ThreadSanitizer need not run the other tests of acl, which start no threads.

#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "acl/token.h"
#include "tests/unit/acl/forge.h"

namespace duet {
namespace {

using std::chrono::seconds;

TEST(VerifyToken, WorksOnSeveralThreads) {
  constexpr std::int64_t kNow = 1700000000;
  const TokenVerifier verifier(*JwkSet::parse(R"({"keys":[)" + ec_key().public_jwk() + "]}"),
                               {"https://issuer", "duet", seconds(30)});
  const nlohmann::json header{{"alg", to_string(ec_key().algorithm())}, {"kid", ec_key().key_id()}};
  const nlohmann::json claims{{"iss", "https://issuer"}, {"aud", "duet"}, {"sub", "alice"},
                              {"scope", "chat"},         {"iat", kNow},   {"exp", kNow + 900}};
  const auto token = forge_token(ec_key(), header.dump(), claims.dump());
  std::array<std::jthread, 4> threads;
  for (auto& thread : threads) {
    thread = std::jthread([&] {
      for (int round = 0; round < 50; ++round)
        EXPECT_TRUE(verifier.verify(token, Timestamp{seconds(kNow)}).has_value());
    });
  }
}

}  // namespace
}  // namespace duet
