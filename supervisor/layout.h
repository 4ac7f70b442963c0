// supervisor/layout.h: where what lies in the data directory. Nobody else joins these paths.
//
//   duet.lock       locked by the running supervisor
//   ready.json      for clients and tools; exists while clients can connect
//   secrets/        signing.pem, jwks.json, store.token, auth.token, push.token, auth.jwks.json
//   secrets/keys/   what the auth service signs with
//   run/            what is generated at each start
//   journal/        accepted by the broker, not yet in the store
//   store/          the database
//   auth/           accounts and logins
//   push/           which devices can be reached how, and what they are to be told
//   issuers/        keys of other identity providers, as fetched
//   log/            a file for each process
//   tls/            ca.pem, ca.key, server.pem, served.pem (what HAProxy shows), and the certificates of
//                   services elsewhere
//   clients/        what the `duet` command keeps for its users
//
// Immutable value.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace duet {

class Layout {
 public:
  // `root` must be absolute: the processes do not share our working directory.
  explicit Layout(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path lock() const { return root_ / "duet.lock"; }
  std::filesystem::path ready() const { return root_ / "ready.json"; }

  std::filesystem::path secrets() const { return root_ / "secrets"; }
  std::filesystem::path signing_key() const { return secrets() / "signing.pem"; }
  std::filesystem::path jwks() const { return secrets() / "jwks.json"; }
  std::filesystem::path token(const std::string& role) const { return secrets() / (role + ".token"); }

  std::filesystem::path run() const { return root_ / "run"; }
  std::filesystem::path process_lock() const { return run() / "processes.lock"; }
  std::filesystem::path broker_config() const { return run() / "mosquitto.conf"; }
  std::filesystem::path issuers() const { return run() / "issuers.json"; }
  std::filesystem::path issuer_keys() const { return root_ / "issuers"; }
  std::filesystem::path store_config() const { return run() / "store.toml"; }
  std::filesystem::path store_ready() const { return run() / "store.ready"; }
  // Where the process of that name answers how it is.
  std::filesystem::path health(const std::string& process) const { return run() / (process + ".health"); }
  std::filesystem::path broker_socket() const { return run() / "broker.sock"; }
  std::filesystem::path gateway_config() const { return run() / "gateway.toml"; }
  std::filesystem::path gateway_ready() const { return run() / "gateway.ready"; }

  std::filesystem::path auth_config() const { return run() / "auth.toml"; }
  std::filesystem::path auth_keys() const { return secrets() / "keys"; }
  std::filesystem::path auth_jwks() const { return secrets() / "auth.jwks.json"; }

  std::filesystem::path push_config() const { return run() / "push.toml"; }
  std::filesystem::path push_ready() const { return run() / "push.ready"; }
  // Of the double of the push services (Options::push_double).
  std::filesystem::path push_double() const { return run() / "push-double"; }
  std::filesystem::path push_double_ready() const { return push_double() / "ready"; }
  std::filesystem::path push_double_config() const { return push_double() / "push.toml"; }

  std::filesystem::path tls() const { return root_ / "tls"; }
  std::filesystem::path authority() const { return tls() / "ca.pem"; }
  std::filesystem::path authority_key() const { return tls() / "ca.key"; }
  std::filesystem::path server_certificate() const { return tls() / "server.pem"; }
  std::filesystem::path served_certificate() const { return tls() / "served.pem"; }
  std::filesystem::path proxy_config() const { return run() / "haproxy.cfg"; }
  std::filesystem::path services_config() const { return run() / "services.cfg"; }
  std::filesystem::path admin_socket() const { return run() / "haproxy.sock"; }
  std::filesystem::path metrics_socket() const { return run() / "metrics.sock"; }

  std::filesystem::path journal() const { return root_ / "journal"; }
  std::filesystem::path database() const { return root_ / "store" / "duet.db"; }
  std::filesystem::path accounts() const { return root_ / "auth" / "auth.db"; }
  std::filesystem::path push_database() const { return root_ / "push" / "push.db"; }
  std::filesystem::path log(const std::string& process) const { return root_ / "log" / (process + ".log"); }

  // The root and those below it in which processes write.
  std::vector<std::filesystem::path> directories() const;

  // Makes the directories that are missing (0700) and closes those below the root to everybody else, which a
  // copy may have opened. Throws std::runtime_error with one line that names the path that cannot be used.
  void prepare() const;

 private:
  std::filesystem::path root_;
};

}  // namespace duet
