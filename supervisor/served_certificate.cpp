#include "supervisor/served_certificate.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <stdexcept>
#include <utility>

#include "file_io/file.h"
#include "file_io/secret_file.h"
#include "supervisor/tls_files.h"
#include "supervisor/unix_socket.h"

namespace duet {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::hours kRenewalInterval{1};
// How long before its end the operator is told, and at the end.
constexpr std::array<std::chrono::days, 4> kWarnings{std::chrono::days(21), std::chrono::days(7),
                                                     std::chrono::days(1), std::chrono::days(0)};

// HAProxy's command line ends a word at a space.
std::string quoted(const std::string& path) {
  std::string text;
  for (const char c : path) {
    if (c == ' ' || c == '\\' || c == ';') text += '\\';
    text += c;
  }
  return text;
}

// An empty line would end the command (HAProxy 2.6 Management Guide 9.3).
std::string without_empty_lines(std::string_view text) {
  std::string kept;
  for (const char c : text) {
    if (c == '\r' || (c == '\n' && (kept.empty() || kept.back() == '\n'))) continue;
    kept += c;
  }
  if (!kept.empty() && kept.back() != '\n') kept += '\n';
  return kept;
}

// In UTC, to the minute.
std::string date_text(Timestamp time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%MZ", &parts)};
}

bool is_good_at(const Validity& validity, Timestamp now) {
  return validity.from <= now && now < validity.until;
}

// Why a sound certificate must not take the place of one that is good at this time.
std::optional<std::string> wrong_time(const Validity& validity, Timestamp now) {
  if (now >= validity.until) return "has a certificate that ended on " + date_text(validity.until);
  if (now < validity.from) return "has a certificate that is not good before " + date_text(validity.from);
  return std::nullopt;
}

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

}  // namespace

ServedCertificate::ServedCertificate(Layout layout, PlatformConfig::Tls rules, Timestamp now)
    : layout_(std::move(layout)),
      rules_(std::move(rules)),
      file_(rules_.certificate.empty() ? layout_.server_certificate() : rules_.certificate) {
  renew(now);
  proxy_starts();
  try {
    take(now, Proxy::not_started);
  } catch (const std::exception& error) {
    if (served_.empty()) throw;
    problem_ = error.what();
  }
}

void ServedCertificate::refresh(Timestamp now) {
  try {
    const bool lost = rules_.certificate.empty() && !fs::exists(file_);
    if (lost || now < *renewed_at_ || now >= *renewed_at_ + kRenewalInterval) renew(now);
    take(now, Proxy::running);
    problem_.clear();
  } catch (const std::exception& error) {
    problem_ = error.what();
    throw;
  }
}

// A copy that cannot be used is replaced by the next refresh().
void ServedCertificate::proxy_starts() {
  try {
    auto text = read_secret_file(copy());
    const auto validity = read_server_certificate(text);
    if (!validity) return;
    served_ = std::move(text);
    validity_ = *validity;
  } catch (const std::exception&) {
    return;
  }
}

std::optional<std::string> ServedCertificate::warning(Timestamp now) {
  const auto due = static_cast<std::size_t>(
      std::ranges::count_if(kWarnings, [&](auto rest) { return now + rest >= validity_.until; }));
  const bool is_new = due > std::exchange(warned_, due);
  if (!is_new) return std::nullopt;
  const std::string which = "the certificate that is served (" + file_.string() + ")";
  if (due == kWarnings.size())
    return which + " ended on " + date_text(validity_.until) + ": clients refuse it";
  const auto days = std::chrono::ceil<std::chrono::days>(validity_.until - now).count();
  return which + " ends on " + date_text(validity_.until) + ", within " + std::to_string(days) +
         (days == 1 ? " day" : " days") + ": replace the file";
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

// HAProxy takes the key from FILE.key too, when the file itself has none.
std::string ServedCertificate::load() const {
  std::string text = read_file(file_);
  const fs::path key_file = file_.string() + ".key";
  if (!has_private_key(text) && fs::exists(key_file)) text = read_file(key_file) + "\n" + text;
  return text;
}

// What is in the file becomes what is served, unless it already is.
void ServedCertificate::take(Timestamp now, Proxy proxy) {
  std::string text = load();
  if (text == served_ && fs::exists(copy())) return;
  const auto fail = [this](const std::string& why) {
    const std::string rest =
        served_.empty() ? "" : "; the certificate before it is served, until " + date_text(validity_.until);
    throw std::runtime_error(file_.string() + " " + why + rest);
  };
  const auto validity = read_server_certificate(text);
  if (!validity) fail(validity.error());
  const bool has_better = !served_.empty() && is_good_at(validity_, now);
  if (const auto wrong = wrong_time(*validity, now); wrong && has_better) fail(*wrong);
  if (proxy == Proxy::running && text != served_) hand_over(text);
  write_file_atomically(copy(), text, kSecretMode);
  served_ = std::move(text);
  validity_ = *validity;
}

// A transaction that failed, or that a person has left open, would change what the next one does: it is
// aborted before and after.
void ServedCertificate::hand_over(const std::string& text) const {
  const std::string name = quoted(copy().string());
  const auto ask = [&](const std::string& command) {
    return ask_unix_socket(layout_.admin_socket(), command + "\n").value_or("haproxy does not answer");
  };
  ask("abort ssl cert " + name);
  auto answer = ask("set ssl cert " + name + " <<\n" + without_empty_lines(text));
  if (answer.find("Transaction created") != std::string::npos) {
    answer = ask("commit ssl cert " + name);
    if (answer.find("Success") != std::string::npos) return;
    ask("abort ssl cert " + name);
  }
  throw std::runtime_error(
      file_.string() +
      ": haproxy does not take the new certificate and stays with the old one: " + first_line(answer));
}

}  // namespace duet
