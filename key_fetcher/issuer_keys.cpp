#include "key_fetcher/issuer_keys.h"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "key_fetcher/fetch_schedule.h"
#include "protocol/secure_url.h"

namespace duet {
namespace {

constexpr int kOk = 200;
constexpr int kNotModified = 304;

Failure<std::string> not_usable(std::string why) {
  return Failure<std::string>(std::move(why));
}

std::string text_at(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) return "";
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : "";
}

std::string status_text(const HttpResponse& answer) {
  return "the answer is " + std::to_string(answer.status);
}

}  // namespace

IssuerKeys::IssuerKeys(IssuerEntry entry, const std::filesystem::path& directory, HttpGet get)
    : entry_(std::move(entry)),
      cache_(directory / fetched_keys_name(entry_.issuer.issuer)),
      get_(std::move(get)) {}

std::chrono::milliseconds IssuerKeys::attempt(Timestamp now, double random, const std::stop_token& stop) {
  auto answer = fetch(stop);
  if (!answer && stop.stop_requested()) return {};  // nobody waits for it any more
  if (!answer) return fail(answer.error(), now, random);
  if (answer->status == kNotModified && !etag_.empty()) return succeed(*answer, now);
  if (answer->status != kOk) return fail(status_text(*answer), now, random);
  std::vector<std::string> left_out;  // whoever reads the file names them
  const auto keys = JwkSet::parse_foreign(answer->body, left_out);
  if (!keys) return fail("the key set cannot be used: " + keys.error(), now, random);
  return succeed(*answer, now);
}

Result<HttpResponse, std::string> IssuerKeys::fetch(const std::stop_token& stop) {
  if (!cache_.holds_keys()) etag_.clear();
  std::string url = entry_.remote->url;
  if (entry_.remote->discovery) {
    auto found = discovered_url(stop);
    if (!found) return not_usable(std::move(found).error());
    url = *std::move(found);
  }
  HttpRequest request{.url = url, .ca_file = entry_.remote->ca_file};
  if (!etag_.empty()) request.headers.push_back("If-None-Match: " + etag_);
  return get_(request, stop);
}

// OpenID Connect Discovery 1.0, 4.3: who answers must call itself exactly so.
Result<std::string, std::string> IssuerKeys::discovered_url(const std::stop_token& stop) {
  const auto answer = get_({.url = entry_.remote->url, .ca_file = entry_.remote->ca_file}, stop);
  if (!answer) return not_usable("discovery: " + answer.error());
  if (answer->status != kOk) return not_usable("discovery: " + status_text(*answer));
  const auto said = nlohmann::json::parse(answer->body, nullptr, false);
  if (text_at(said, "issuer") != entry_.issuer.issuer) return not_usable("discovery: it is another issuer's");
  std::string url = text_at(said, "jwks_uri");
  if (!is_secure_url(url)) return not_usable("discovery: its jwks_uri is no https URL");
  return url;
}

std::chrono::milliseconds IssuerKeys::succeed(const HttpResponse& answer, Timestamp now) {
  if (answer.status == kNotModified) {
    cache_.confirm(now);
  } else {
    cache_.confirm(answer.body, now);
    etag_ = answer.header("etag");
  }
  if (std::exchange(failures_, 0) > 0)
    spdlog::info("the keys of {} can be fetched again", entry_.issuer.issuer);
  return refresh_after(entry_.remote->refresh, answer.header("cache-control"));
}

std::chrono::milliseconds IssuerKeys::fail(const std::string& why, Timestamp now, double random) {
  const auto confirmed = cache_.confirmed_at();
  const bool too_old = confirmed && *confirmed + entry_.remote->keep < now;
  if (++failures_ == 1) {
    spdlog::warn("the keys of {} cannot be fetched{}: {}", entry_.issuer.issuer,
                 confirmed ? ", the last ones stay in use" : "", why);
  }
  if (too_old) {
    cache_.drop();
    spdlog::error("the keys of {} are too old to be used any longer: its tokens are refused",
                  entry_.issuer.issuer);
  }
  return retry_after(failures_, random);
}

}  // namespace duet
