#include "supervisor/tls_files.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>

#include "file_io/file.h"
#include "file_io/secret_file.h"
#include "supervisor/unix_socket.h"

namespace duet {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::hours kDay{24};
constexpr auto kAuthorityLife = 3650 * kDay;
constexpr auto kServerLife = 90 * kDay;
constexpr auto kServerRest = 30 * kDay;  // a certificate with less is renewed
constexpr auto kServiceLife = 365 * kDay;
constexpr std::chrono::hours kOtherClocks{1};  // are wrong by less
constexpr std::chrono::hours kRenewalInterval{1};

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

// HAProxy's command line ends a word at a space.
std::string quoted(const std::string& path) {
  std::string text;
  for (const char c : path) {
    if (c == ' ' || c == '\\' || c == ';') text += '\\';
    text += c;
  }
  return text;
}

// An empty line would end it (HAProxy 2.6 Management Guide 9.3).
std::string without_empty_lines(std::string_view text) {
  std::string kept;
  for (const char c : text) {
    if (c == '\r' || (c == '\n' && (kept.empty() || kept.back() == '\n'))) continue;
    kept += c;
  }
  if (!kept.empty() && kept.back() != '\n') kept += '\n';
  return kept;
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

ServedCertificate::ServedCertificate(Layout layout, PlatformConfig::Tls rules, Timestamp now)
    : layout_(std::move(layout)),
      rules_(std::move(rules)),
      file_(rules_.certificate.empty() ? layout_.server_certificate() : rules_.certificate) {
  renew(now);
  served_ = read_file(file_);
}

void ServedCertificate::renew(Timestamp now) {
  // Also the authority that client certificates are made by.
  if (rules_.certificate.empty()) {
    renew_server_certificate(layout_, local_names(rules_.names), now);
  } else {
    open_authority(layout_, now);
  }
  renewed_at_ = now;
}

void ServedCertificate::refresh(Timestamp now) {
  const bool lost = rules_.certificate.empty() && !fs::exists(file_);
  if (lost || now < *renewed_at_ || now >= *renewed_at_ + kRenewalInterval) renew(now);
  if (read_file(file_) != served_) hand_over();
}

void ServedCertificate::hand_over() {
  std::string text = read_file(file_);
  const std::string name = quoted(file_.string());
  const auto set = ask_unix_socket(layout_.admin_socket(),
                                   "set ssl cert " + name + " <<\n" + without_empty_lines(text) + "\n");
  const bool taken = set && set->find("Transaction created") != std::string::npos;
  const auto commit =
      taken ? ask_unix_socket(layout_.admin_socket(), "commit ssl cert " + name + "\n") : std::nullopt;
  if (!commit || commit->find("Success") == std::string::npos) {
    throw std::runtime_error(file_.string() +
                             ": haproxy does not take the new certificate and stays with the old one");
  }
  served_ = std::move(text);
}

}  // namespace duet
