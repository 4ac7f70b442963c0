#include "supervisor/tls_files.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <stdexcept>

#include "file_io/file.h"
#include "file_io/secret_file.h"

namespace duet {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::hours kDay{24};
constexpr auto kAuthorityLife = 3650 * kDay;
constexpr auto kServerLife = 90 * kDay;
constexpr auto kServerRest = 30 * kDay;  // a certificate with less is renewed
constexpr auto kServiceLife = 365 * kDay;
constexpr std::chrono::hours kOtherClocks{1};  // are wrong by less

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

// None for a machine whose name cannot be one in a certificate.
std::optional<std::string> host_name() {
  std::array<char, 256> buffer{};
  if (::gethostname(buffer.data(), buffer.size() - 1) != 0) return std::nullopt;
  std::string name = buffer.data();
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_host_character)) return std::nullopt;
  return name;
}

}  // namespace

Certificate open_authority(const Layout& layout, Timestamp now) {
  const bool has_key = fs::exists(layout.authority_key());
  if (has_key != fs::exists(layout.authority())) {
    const auto& [missing, there] = has_key ? std::pair(layout.authority(), layout.authority_key())
                                           : std::pair(layout.authority_key(), layout.authority());
    throw std::runtime_error(missing.string() + " is missing, but " + there.string() +
                             " is there; put it back, or remove both to start with a new authority");
  }
  if (has_key) {
    return {.pem = read_file(layout.authority()), .key_pem = read_secret_file(layout.authority_key())};
  }
  auto authority = make_authority("Duet on " + host_name().value_or("this machine"), now - kOtherClocks,
                                  now + kAuthorityLife);
  create_file_atomically(layout.authority(), authority.pem, kSecretMode);
  create_file_atomically(layout.authority_key(), authority.key_pem, kSecretMode);
  return authority;
}

std::vector<std::string> local_names(const std::vector<std::string>& further) {
  std::vector<std::string> names{"localhost", "127.0.0.1", "::1"};
  if (const auto name = host_name(); name && *name != "localhost") names.push_back(*name);
  for (const auto& name : further) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

void renew_server_certificate(const Layout& layout, const std::vector<std::string>& names, Timestamp now) {
  const fs::path file = layout.server_certificate();
  const Certificate authority = open_authority(layout, now);
  if (fs::exists(file) &&
      certificate_serves(read_secret_file(file), names, now + kServerRest, authority.pem)) {
    return;
  }
  const auto made = issue_certificate({.common_name = names.front(),
                                       .use = CertificateSpec::Use::server,
                                       .names = names,
                                       .from = now - kOtherClocks,
                                       .until = now + kServerLife},
                                      authority);
  write_file_atomically(file, made.key_pem + made.pem + authority.pem, kSecretMode);
}

ServiceCertificate make_service_certificate(const Layout& layout, const std::string& name, Timestamp now) {
  constexpr std::size_t kMaxNameBytes = 64;  // RFC 5280 A.1, ub-common-name
  const bool fits =
      !name.empty() && name.size() <= kMaxNameBytes && name != "ca" && name != "server" &&
      std::all_of(name.begin(), name.end(), [](char c) { return c != '.' && is_host_character(c); });
  if (!fits) {
    throw std::runtime_error(
        "--service-certificate: the name must have letters, digits and hyphens alone, and be "
        "neither ca nor server");
  }
  const auto made = issue_certificate({.common_name = name,
                                       .use = CertificateSpec::Use::client,
                                       .names = {},
                                       .from = now - kOtherClocks,
                                       .until = now + kServiceLife},
                                      open_authority(layout, now));
  ServiceCertificate files{.certificate = layout.tls() / (name + ".pem"),
                           .key = layout.tls() / (name + ".key")};
  write_file_atomically(files.certificate, made.pem, kSecretMode);
  write_file_atomically(files.key, made.key_pem, kSecretMode);
  return files;
}

}  // namespace duet
