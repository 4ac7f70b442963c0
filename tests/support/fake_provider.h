// tests/support/fake_provider.h: an identity provider's key server on loopback: HTTPS, with a CA of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "tests/support/process.h"

namespace duet {

// How it answers.
enum class Mood : std::uint8_t {
  well,
  failing,     // 503
  garbage,     // HTML with status 200
  no_keys,     // a key set without a key
  too_large,   // more than any key set has
  slow,        // begins, and does not end while the mood lasts
  redirecting  // to the same over http
};

// Thread-safe.
class FakeProvider {
 public:
  enum class Certificate : std::uint8_t { right, of_another_host, of_another_ca };

  explicit FakeProvider(Certificate certificate = Certificate::right);
  ~FakeProvider();
  FakeProvider(const FakeProvider&) = delete;
  FakeProvider& operator=(const FakeProvider&) = delete;

  std::string issuer() const;  // also what its discovery document says
  std::string keys_url() const { return issuer() + "/keys"; }
  std::filesystem::path ca_file() const { return dir_.path() / "ca.pem"; }

  void publish(const std::string& jwk_set);
  void set_mood(Mood mood);
  void set_cache_control(const std::string& value);
  // Stops listening for good.
  void go_away();

  int answers() const;       // to requests for keys that were finished, of any kind
  int not_modified() const;  // those among them that were 304
  int begun() const;         // requests for keys that have come
  int requests() const;      // that have come, for anything

 private:
  class Server;
  TempDir dir_;
  std::unique_ptr<Server> server_;
};

}  // namespace duet
