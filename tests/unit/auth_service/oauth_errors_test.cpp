// Malformed and forbidden requests get the errors of their RFC.
#include <gmock/gmock.h>

#include "tests/unit/auth_service/service_fixture.h"

namespace duet {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr auto kForm = "application/x-www-form-urlencoded";

class OauthErrors : public ServiceTest {};

TEST_F(OauthErrors, OfTheTokenEndpointAreThoseOfRfc6749) {
  const auto client = start();
  struct Case {
    const char* body;
    int status;
    const char* error;
  };
  const Case cases[] = {
      {"", 401, "invalid_client"},
      {"grant_type=password", 401, "invalid_client"},
      {"client_id=nobody&grant_type=password&username=a&password=12345678", 401, "invalid_client"},
      {"client_id=robot&grant_type=client_credentials", 401, "invalid_client"},
      {"client_id=robot&client_secret=wrong&grant_type=client_credentials", 401, "invalid_client"},
      {"client_id=app&client_secret=x&grant_type=password&username=a&password=12345678", 401,
       "invalid_client"},
      {"client_id=app", 400, "invalid_request"},
      {"client_id=app&grant_type=", 400, "invalid_request"},
      {"client_id=app&grant_type=password", 400, "invalid_request"},
      {"client_id=app&grant_type=password&username=a", 400, "invalid_request"},
      {"client_id=app&grant_type=password&username=a&password=", 400, "invalid_request"},
      {"client_id=app&grant_type=password&username=a&password=12345678&device=a%20b", 400, "invalid_request"},
      {"client_id=app&client_id=app&grant_type=password", 400, "invalid_request"},
      {"client_id=app&grant_type=%zz", 400, "invalid_request"},
      {"client_id=app&grant_type=refresh_token", 400, "invalid_request"},
      {"client_id=app&grant_type=refresh_token&refresh_token=x", 400, "invalid_grant"},
      {"client_id=app&grant_type=password&username=a&password=12345678", 400, "invalid_grant"},
      {"client_id=app&grant_type=password&username=a&password=1", 400, "invalid_grant"},
      {"client_id=app&grant_type=client_credentials", 400, "unauthorized_client"},
      {"client_id=app&grant_type=authorization_code", 400, "unsupported_grant_type"},
      {"client_id=app&grant_type=password&username=a&password=12345678&scope=store", 400, "invalid_scope"},
  };
  for (const auto& one : cases) {
    const auto answer = client.send("POST", "/oauth/token", one.body, kForm);
    EXPECT_EQ(answer.status, one.status) << one.body;
    EXPECT_EQ(answer.text("error"), one.error) << one.body;
    EXPECT_EQ(answer.header("Cache-Control"), "no-store") << one.body;
    EXPECT_EQ(answer.count("WWW-Authenticate"), one.status == 401 ? 1U : 0U) << one.body;
  }
}

TEST_F(OauthErrors, ABotHasNoUsersAndOneWayToAuthenticate) {
  const auto client = start();
  const Fields bot{{"client_id", "robot"}, {"client_secret", kBotSecret}};
  for (const char* grant : {"password", "refresh_token"}) {
    auto fields = bot;
    fields.emplace_back("grant_type", grant);
    EXPECT_EQ(client.form("/oauth/token", fields).text("error"), "unauthorized_client");
  }
  auto both = client;
  both.with("Authorization", "Basic cm9ib3Q6eA==");
  EXPECT_EQ(both.form("/oauth/token", bot).text("error"), "invalid_request");
  for (const char* header : {"Basic !!", "Basic cm9ib3Q=", "Bearer x", "Basic"}) {
    auto broken = client;
    broken.with("Authorization", header);
    EXPECT_EQ(broken.form("/oauth/token", {{"grant_type", "client_credentials"}}).status, 401) << header;
  }
}

TEST_F(OauthErrors, SecretsOfBotsAreThrottled) {
  config_.limits.account = {1.0 / 60, 2};
  const auto client = start();
  const Fields guess{
      {"client_id", "robot"}, {"client_secret", "guess"}, {"grant_type", "client_credentials"}};
  for (int i = 0; i < 2; ++i) EXPECT_EQ(client.form("/oauth/token", guess).status, 401);
  const auto refused = client.form("/oauth/token", guess);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.header("Retry-After"), "60");
}

TEST_F(OauthErrors, OfTheRevocationEndpointAreThoseOfRfc7009) {
  const auto client = start();
  const auto error = [&client](const Fields& fields) {
    return client.form("/oauth/revoke", fields).text("error");
  };
  EXPECT_EQ(error({{"token", "x"}}), "invalid_client");
  EXPECT_EQ(error({{"client_id", "app"}}), "invalid_request");
  EXPECT_EQ(error({{"client_id", "app"}, {"token", "a.b.c"}}), "unsupported_token_type");
}

TEST_F(OauthErrors, OfABearerTokenAreThoseOfRfc6750) {
  const auto client = start();
  const auto challenge = [&client](const std::string& header) {
    auto sender = client;
    if (!header.empty()) sender.with("Authorization", header);
    const auto answer = sender.json("POST", "/v1/logout", {{"everything", true}});
    EXPECT_EQ(answer.status, 401) << header;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
    return answer.header("WWW-Authenticate");
  };
  EXPECT_EQ(challenge(""), R"(Bearer realm="duet")");
  EXPECT_EQ(challenge("Basic eA=="), R"(Bearer realm="duet")");
  EXPECT_THAT(challenge("Bearer x"), HasSubstr(R"(error="invalid_token")"));
  EXPECT_THAT(challenge("Bearer a.b.c"), HasSubstr(R"(error="invalid_token")"));

  client.sign_up("alice", kPassword);
  const auto token = client.log_in("alice", kPassword).text("access_token");
  pass(std::chrono::seconds(930));
  EXPECT_THAT(challenge("Bearer " + token), HasSubstr(R"(error="invalid_token")"));  // expired
}

TEST_F(OauthErrors, OfAccountsAreProblems) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  const auto token = client.log_in("alice", kPassword).text("access_token");
  const std::pair<const char*, int> bodies[] = {
      {"", 400},  {"[]", 400}, {"{\"username\":1,\"password\":\"12345678\"}", 400},
      {"{", 400}, {"{}", 400}, {"{\"username\":\"a\",\"username\":\"b\"}", 400}};
  for (const auto& [body, status] : bodies) {
    const auto answer = client.send("POST", "/v1/accounts", body, "application/json");
    EXPECT_EQ(answer.status, status) << body;
    EXPECT_EQ(answer.json().value("status", 0), status) << body;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
  }
  EXPECT_EQ(client.send("POST", "/v1/accounts", "{}", "text/plain").status, 415);
  for (const auto& body :
       {nlohmann::json::object(), nlohmann::json{{"everything", false}}, nlohmann::json{{"device", "a b"}},
        nlohmann::json{{"device", 1}}, nlohmann::json{{"device", "a"}, {"everything", true}}}) {
    EXPECT_EQ(client.json("POST", "/v1/logout", body, token).status, 400) << body;
  }
}

TEST_F(OauthErrors, UnknownPathsAndMethods) {
  const auto client = start();
  EXPECT_EQ(client.get("/").status, 404);
  EXPECT_EQ(client.get("/v1/accounts/").status, 404);
  const auto answer = client.get("/oauth/token");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.header("Allow"), "POST");
  EXPECT_EQ(answer.text("error"), "invalid_request");
  EXPECT_EQ(client.get("/oauth/nothing").text("error"), "invalid_request");
  EXPECT_EQ(client.get("/v1/accounts").text("type"), "urn:duet:problem:method_not_allowed");
  EXPECT_EQ(client.get("/healthz").status, 200);
}

// RFC 6749 5.2 also for what is refused before anybody looks at the grant.
TEST_F(OauthErrors, BelowOauthAreOfOneForm) {
  const auto client = start();
  const auto expect = [](const Answer& answer, int status) {
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.header("Content-Type"), "application/json");
    EXPECT_EQ(answer.text("error"), "invalid_request") << answer.body;
  };
  expect(client.send("POST", "/oauth/token", std::string(std::size_t{16} * 1024 + 1, 'a'), kForm), 413);
  expect(client.send("POST", "/oauth/token", std::string(std::size_t{8} * 1024 + 1, 'a'), kForm), 413);
  auto compressed = client;
  compressed.with("Content-Encoding", "gzip");
  expect(compressed.send("POST", "/oauth/revoke", "token=x", kForm), 415);
  EXPECT_THAT(client.raw("POST /oauth/token HTTP/1.1\r\nHost: x\r\n\r\n"),
              testing::AllOf(HasSubstr(" 411 "), HasSubstr(R"("error":"invalid_request")")));
}

TEST_F(OauthErrors, BodiesAreBoundedAndNeverDecompressed) {
  const auto client = start();
  const std::string padding(std::size_t{16} * 1024, ' ');
  EXPECT_EQ(client.send("POST", "/v1/accounts", "{}" + padding.substr(2), "application/json").status, 400);
  EXPECT_EQ(client.send("POST", "/v1/accounts", "{}" + padding.substr(1), "application/json").status, 413);
  auto compressed = client;
  compressed.with("Content-Encoding", "gzip");
  EXPECT_EQ(compressed.send("POST", "/v1/accounts", "{}", "application/json").status, 415);
  const std::string start_line = "POST /v1/accounts HTTP/1.1\r\nHost: x\r\n";
  EXPECT_THAT(client.raw(start_line + "\r\n"), HasSubstr(" 411 "));
  EXPECT_THAT(client.raw(start_line + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), HasSubstr(" 411 "));
  EXPECT_THAT(client.raw(start_line + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
              HasSubstr(" 411 "));
  EXPECT_THAT(client.raw(start_line + "Content-Length: -1\r\n\r\n"), HasSubstr(" 413 "));
  EXPECT_THAT(client.raw("nonsense\r\n\r\n"), HasSubstr(" 400 "));
  const auto path_of = [](std::size_t bytes) {
    return "GET /" + std::string(bytes, 'a') + " HTTP/1.1\r\n\r\n";
  };
  EXPECT_THAT(client.raw(path_of(8000)), HasSubstr(" 404 "));
  EXPECT_THAT(client.raw(path_of(9000)), HasSubstr(" 414 "));
}

TEST_F(OauthErrors, ABodyThatWasRefusedIsNotTheNextRequest) {
  const auto client = start();
  const std::string hidden = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  const auto answer =
      client.raw("POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: " +
                 std::to_string(hidden.size()) + "\r\n\r\n" + hidden);
  EXPECT_THAT(answer, HasSubstr(" 415 "));
  EXPECT_THAT(answer, Not(HasSubstr(" 200 ")));
}

TEST_F(OauthErrors, MetadataNamesWhatThereIs) {
  config_.tokens.public_url = "https://login.example";
  config_.tokens.issuer = "https://login.example";
  const auto metadata = start().get("/.well-known/oauth-authorization-server").json();
  EXPECT_EQ(metadata.at("issuer"), "https://login.example");
  EXPECT_EQ(metadata.at("token_endpoint"), "https://login.example/oauth/token");
  EXPECT_EQ(metadata.at("jwks_uri"), "https://login.example/.well-known/jwks.json");
  EXPECT_EQ(metadata.at("revocation_endpoint"), "https://login.example/oauth/revoke");
  EXPECT_EQ(metadata.at("grant_types_supported"),
            nlohmann::json({"password", "refresh_token", "client_credentials"}));
  EXPECT_TRUE(metadata.at("response_types_supported").empty());
}

}  // namespace
}  // namespace duet
