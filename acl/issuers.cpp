#include "acl/issuers.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "acl/base64url.h"
#include "acl/strict_json.h"
#include "protocol/secure_url.h"

namespace duet {
namespace {

using nlohmann::json;

struct Member {
  std::string_view name;
  std::string OtherIssuer::*text;
  bool required;
};

constexpr std::array kMembers{Member{"issuer", &OtherIssuer::issuer, true},
                              Member{"audience", &OtherIssuer::audience, true},
                              Member{"user_claim", &OtherIssuer::user_claim, false},
                              Member{"user_prefix", &OtherIssuer::user_prefix, false},
                              Member{"device_claim", &OtherIssuer::device_claim, false},
                              Member{"required_scope", &OtherIssuer::required_scope, false}};
constexpr std::size_t kMaxRemoteIssuer = 150;  // its fetched_keys_name() is the name of a file

// The members that say where the keys are.
struct KeyMembers {
  std::string jwks_file;
  std::string jwks_url;
  bool discovery = false;
  std::string ca_file;
  std::optional<std::chrono::seconds> refresh;
  std::optional<std::chrono::seconds> keep;
};

std::optional<std::chrono::seconds> seconds_of(const json& value, std::int64_t low, std::int64_t high) {
  if (!value.is_number_integer() || value < low || value > high) return std::nullopt;
  return std::chrono::seconds(value.get<std::int64_t>());
}

constexpr std::int64_t kDay = std::int64_t{24} * 3600;

// Nullopt: not such a member. Otherwise what is wrong with it, or nothing.
std::optional<std::string> read_key_member(const std::string& key, const json& value, KeyMembers& members) {
  const auto text = [&](std::string& target) -> std::string {
    if (!value.is_string()) return "'" + key + "' is no string";
    target = value.get<std::string>();
    return target.empty() ? "'" + key + "' is empty" : "";
  };
  const auto seconds = [&](auto& target, std::int64_t low, std::int64_t high) -> std::string {
    target = seconds_of(value, low, high);
    if (target) return "";
    return "'" + key + "' is no number from " + std::to_string(low) + " to " + std::to_string(high);
  };
  if (key == "jwks_file") return text(members.jwks_file);
  if (key == "jwks_url") return text(members.jwks_url);
  if (key == "ca_file") return text(members.ca_file);
  if (key == "refresh_s") return seconds(members.refresh, 1, kDay);
  if (key == "keep_s") return seconds(members.keep, 60, 366 * kDay);
  if (key != "discovery") return std::nullopt;
  members.discovery = value.is_boolean() && value.get<bool>();
  return members.discovery ? "" : "'discovery' can only be true";
}

// What is wrong with the members together; empty: nothing.
std::string set_key_members(const KeyMembers& members, IssuerEntry& entry) {
  const int places =
      (members.jwks_file.empty() ? 0 : 1) + (members.jwks_url.empty() ? 0 : 1) + (members.discovery ? 1 : 0);
  if (places == 0) return "'jwks_file', 'jwks_url' or 'discovery' is missing";
  if (places > 1) return "one of 'jwks_file', 'jwks_url' and 'discovery' is enough";
  entry.jwks_file = members.jwks_file;
  if (!members.jwks_file.empty()) {
    const bool alone = members.ca_file.empty() && !members.refresh && !members.keep;
    return alone ? "" : "'ca_file', 'refresh_s' and 'keep_s' are for keys that are fetched";
  }
  RemoteKeys remote{.url = members.jwks_url,
                    .discovery = members.discovery,
                    .ca_file = members.ca_file,
                    .refresh = members.refresh};
  if (members.keep) remote.keep = *members.keep;
  if (members.discovery) {
    const std::string& issuer = entry.issuer.issuer;
    remote.url = issuer + (issuer.ends_with('/') ? "" : "/") + ".well-known/openid-configuration";
  }
  if (!is_secure_url(remote.url)) return "'" + remote.url + "' is no https URL";
  if (entry.issuer.issuer.size() > kMaxRemoteIssuer) return "'issuer' is too long for keys that are fetched";
  entry.remote = std::move(remote);
  return "";
}

// What is wrong with the entry; empty: nothing.
std::string check_issuer(const OtherIssuer& issuer) {
  for (const Member& member : kMembers) {
    if (member.required && (issuer.*member.text).empty()) {
      return "'" + std::string(member.name) + "' is missing";
    }
  }
  if (issuer.user_claim.empty()) return "'user_claim' is empty";
  return UserId::valid(issuer.user_prefix + "x") ? "" : "'user_prefix' cannot begin a user's name";
}

Result<IssuerEntry, std::string> parse_issuer(const json& object, const std::string& place) {
  if (!object.is_object()) return failed(place + " is no object");
  IssuerEntry entry;
  KeyMembers keys;
  for (const auto& [key, value] : object.items()) {
    if (const auto wrong = read_key_member(key, value, keys)) {
      if (!wrong->empty()) return failed(place + ": " + *wrong);
      continue;
    }
    const auto member = std::ranges::find(kMembers, key, &Member::name);
    if (member == kMembers.end()) return failed(place + ": '" + key + "' is not known");
    if (!value.is_string()) return failed(place + ": '" + key + "' is no string");
    entry.issuer.*member->text = value.get<std::string>();
  }
  std::string wrong = check_issuer(entry.issuer);
  if (wrong.empty()) wrong = set_key_members(keys, entry);
  if (!wrong.empty()) return failed(place + ": " + wrong);
  return entry;
}

}  // namespace

std::string fetched_keys_name(const std::string& issuer) {
  return encode_base64url(issuer) + ".json";
}

Result<std::vector<IssuerEntry>, std::string> parse_issuers(std::string_view text,
                                                            const std::vector<TakenIssuer>& taken) {
  static constexpr std::array<std::string_view, 1> kNames{"issuers"};
  const auto object = parse_strict_object(text, kNames);
  if (!object || object->size() != 1 || !object->contains("issuers") || !object->at("issuers").is_array()) {
    return failed("is not of the form {\"issuers\": [...]}");
  }
  std::vector<IssuerEntry> entries;
  for (const json& one : object->at("issuers")) {
    const std::string place = "issuer " + std::to_string(entries.size() + 1);
    auto entry = parse_issuer(one, place);
    if (!entry) return failed(entry.error());
    const OtherIssuer& issuer = entry->issuer;
    const auto is_taken = [&issuer](const TakenIssuer& other) {
      return other.issuer == issuer.issuer && (other.audience.empty() || other.audience == issuer.audience);
    };
    const auto comes_twice = [&issuer](const IssuerEntry& other) {
      return other.issuer.issuer == issuer.issuer && other.issuer.audience == issuer.audience;
    };
    if (std::ranges::any_of(taken, is_taken) || std::ranges::any_of(entries, comes_twice)) {
      return failed(place + ": " + entry->issuer.issuer + " is named before");
    }
    entries.push_back(*std::move(entry));
  }
  return entries;
}

}  // namespace duet
