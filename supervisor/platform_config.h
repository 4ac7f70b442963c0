// supervisor/platform_config.h: what an operator can set, read from a TOML file (sample: deploy/duet.toml).
//
// Immutable values once loaded.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "service/health_listen.h"

namespace duet {

struct PlatformConfig {
  // Of rates, 0 means no limit.
  struct Limits {
    std::int64_t messages_per_second = 20;   // per user
    std::int64_t burst = 60;                 // messages a user may send at once
    std::int64_t requests_per_minute = 200;  // per device
    std::int64_t receipts_per_second = 100;  // per device: receipts, typing, presence, push together
    std::int64_t devices_per_user = 16;
    std::int64_t connects_per_minute = 60;         // per device, renewals of a token included
    std::int64_t new_conversations_per_hour = 60;  // that a user begins; that many also at once
    bool require_consent = false;       // a new conversation is a request until its recipient accepts it
    std::int64_t consent_messages = 3;  // that a request may have
    // What becomes of a message to a name that is not known: refuse or keep. Empty: refuse_unknown() decides.
    std::string unknown_recipients;
    std::int64_t body_bytes = 32'768;              // of a message, decoded
    std::int64_t message_payload_bytes = 204'800;  // of a message as published
    std::int64_t other_payload_bytes = 4'096;      // of everything else as published
  };
  struct Journal {
    std::string sync = "none";  // none, interval or always: when the journal is flushed to the disk
    std::chrono::milliseconds sync_interval{100};
    std::int64_t segment_bytes = 16'777'216;  // a new file of the journal begins beyond this
  };
  struct Store {
    std::int64_t cache_mib = 160;  // what the store's caches hold when they are full, about
  };
  struct Tokens {
    std::string issuer = "duet";
    std::string audience = "duet";
    std::filesystem::path issuers_file;  // other identity providers (acl/issuers.h); empty: none
    std::chrono::seconds clock_skew{30};
    std::chrono::seconds service_ttl{3600};
  };

  // Accounts and tokens over HTTP (auth_service/config.h).
  struct Auth {
    struct Bot {  // OAuth 2.0: a client with a secret, which acts as one user
      std::string id;
      std::string user;
      std::filesystem::path secret_file;
    };
    bool enabled = true;  // whoever signs up has the name: not where all users come from elsewhere
    // Where clients find it, as https://chat.example.com; the issuer of its tokens too. Empty: on loopback.
    std::string public_url;
    std::vector<std::string> apps{"duet"};  // OAuth 2.0: clients without a secret, which ask with a password
    std::vector<Bot> bots;
  };

  struct Web {
    std::vector<std::string> origins;  // of pages that may connect; none: those of the host they connect to
    std::string root;                  // of the web app's files, absolute; empty: none are served
    std::int64_t connections = 10'000;
    std::int64_t connections_per_address = 0;  // 0: no limit; whoever is local has one address
    std::vector<std::string> trusted_proxies;  // whose X-Forwarded-For is believed
  };

  // The front door (scripts/run --tls). Of limits, 0 means none; an address is one of IPv4 or a /64 network.
  struct Tls {
    std::filesystem::path certificate;  // key, certificate and chain, PEM; empty: of an own authority
    std::vector<std::string> addresses{"127.0.0.1"};  // where it listens
    // Addresses and networks of load balancers: a connection from there begins with a PROXY header.
    std::vector<std::string> accept_proxy;
    std::vector<std::string> names;     // by which it is reached; the first is the one in its own URLs
    std::int64_t connections = 20'000;  // MQTT; and as many HTTP and WebSocket
    std::int64_t connections_per_address = 1000;  // of each of the two
    std::int64_t connects_per_address = 200;      // in ten seconds, of each of the two
    std::int64_t requests_per_address = 500;      // HTTP, in ten seconds
    std::int64_t logins_per_address = 60;         // to /oauth/token and /v1/accounts, in a minute
    std::chrono::seconds request{10};  // for a TLS handshake, a CONNECT, a request; for the next one
    std::int64_t services_port = 0;    // MQTT for services with a client certificate; 0: none
  };

  // The push bridge runs when there is somebody to push to.
  struct Push {
    std::filesystem::path config;  // a file with apps and keys (push_bridge/push_config.h); empty: none
  };

  // Where the platform answers how it is, as a whole; nullopt: a unix socket in DIR/run.
  std::optional<HealthListen> health_listen;
  Limits limits;
  Journal journal;
  Store store;
  Tokens tokens;
  Auth auth;
  Web web;
  Tls tls;
  Push push;
  std::chrono::milliseconds presence_debounce{2000};
  std::string log_level = "info";  // debug, info, warn or error
};

// Whether messages to unknown names are refused. Unless the operator has chosen: when the accounts here are
// the only place that names come from.
inline bool refuse_unknown(const PlatformConfig& config) {
  if (!config.limits.unknown_recipients.empty()) return config.limits.unknown_recipients == "refuse";
  return config.auth.enabled && config.tokens.issuers_file.empty();
}

// Reads and checks the whole file. Throws std::runtime_error with one line that names the file, the line and
// the key: unreadable, not TOML, an unknown key, a value of another type or outside its range.
PlatformConfig load_platform_config(const std::filesystem::path& file);

}  // namespace duet
