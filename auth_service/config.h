// auth_service/config.h: the configuration of `duet-auth serve`, a TOML file.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "acl/token_bucket.h"
#include "auth_service/auth_database.h"
#include "auth_service/password.h"
#include "mqtt_link/broker_settings.h"
#include "protocol/names.h"
#include "service/address.h"

namespace duet {

// A client of RFC 6749 2: an app of ours, which is public and asks for tokens with its user's password; or a
// bot, which is confidential and acts as the one user it is configured for.
struct OauthClient {
  struct Bot {
    std::string secret_hash;  // SHA-256
    UserId user;
  };

  std::string id;  // of the grammar of users
  std::optional<Bot> bot;
};

struct HttpSettings {
  std::string address = "127.0.0.1";     // of an interface; plain HTTP
  std::uint16_t port = 8090;             // 0: any that is free; the log says which
  std::vector<Network> trusted_proxies;  // whose X-Forwarded-For counts
  std::size_t threads = 16;              // requests at a time; as many connections wait
  std::chrono::seconds read_timeout{5};  // for each read
  std::chrono::seconds write_timeout{5};
  std::chrono::seconds request_timeout{10};  // for the whole of a request
};

struct AuthConfig {
  HttpSettings http;
  std::filesystem::path database;  // database.path: required; made when it is not there
  // Whose plugin is told of logins that end. Without the section nobody is, and a token ends by running out.
  std::optional<BrokerSettings> broker;
  struct Keys {
    std::filesystem::path directory;  // required; files of `duet-auth rotate`
    bool make_first = false;          // when the directory has none
    std::filesystem::path jwks_file;  // gets the key set, for a broker's issuers_file; empty: none is written
    std::chrono::seconds activate_after{300};
    std::chrono::seconds reload_every{10};
  } keys;
  struct Tokens {
    std::string issuer = "duet";  // `iss`; RFC 8414 wants the https URL that clients know the service by
    std::string audience = "duet";
    std::string public_url = "http://127.0.0.1:8090";  // what the metadata's endpoints begin with
  } tokens;
  SessionRules sessions;
  Argon2Cost argon2;
  HashLimits hashes;
  struct Limits {
    RateLimit account{10.0 / 60, 10};             // password attempts for each account from each address …
    RateLimit address{60.0 / 60, 60};             // … and from each address; sign-ups too
    RateLimit account_failures{100.0 / 60, 100};  // wrong ones for each account from everywhere
  } limits;
  std::vector<OauthClient> clients;  // at least one
  std::string log_level = "info";

  const OauthClient* find_client(std::string_view id) const;
};

// Throws std::runtime_error that names file and key (and line, where there is one) for a file that cannot be
// read, a required key that is missing, an ill-typed or impossible value, an unknown key, and a secret file
// that is not private or holds fewer than 16 bytes.
AuthConfig load_auth_config(const std::filesystem::path& file);

}  // namespace duet
