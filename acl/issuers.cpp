#include "acl/issuers.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "acl/strict_json.h"

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
constexpr std::string_view kJwksFile = "jwks_file";

Result<IssuerEntry, std::string> parse_issuer(const json& object, const std::string& place) {
  if (!object.is_object()) return failed(place + " is no object");
  IssuerEntry entry;
  for (const auto& [key, value] : object.items()) {
    const auto member = std::ranges::find(kMembers, key, &Member::name);
    if (member == kMembers.end() && key != kJwksFile) return failed(place + ": '" + key + "' is not known");
    if (!value.is_string()) return failed(place + ": '" + key + "' is no string");
    if (key == kJwksFile) {
      entry.jwks_file = value.get<std::string>();
    } else {
      entry.issuer.*member->text = value.get<std::string>();
    }
  }
  for (const Member& member : kMembers) {
    if (member.required && (entry.issuer.*member.text).empty()) {
      return failed(place + ": '" + std::string(member.name) + "' is missing");
    }
  }
  if (entry.jwks_file.empty()) return failed(place + ": 'jwks_file' is missing");
  if (entry.issuer.user_claim.empty()) return failed(place + ": 'user_claim' is empty");
  if (!UserId::valid(entry.issuer.user_prefix + "x")) {
    return failed(place + ": 'user_prefix' cannot begin a user's name");
  }
  return entry;
}

}  // namespace

Result<std::vector<IssuerEntry>, std::string> parse_issuers(std::string_view text,
                                                            const std::vector<std::string>& taken) {
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
    const auto same = [&entry](const IssuerEntry& other) {
      return other.issuer.issuer == entry->issuer.issuer;
    };
    if (std::ranges::count(taken, entry->issuer.issuer) > 0 || std::ranges::any_of(entries, same)) {
      return failed(place + ": " + entry->issuer.issuer + " is named before");
    }
    entries.push_back(*std::move(entry));
  }
  return entries;
}

}  // namespace duet
