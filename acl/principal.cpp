#include "acl/principal.h"

#include <array>
#include <cassert>
#include <utility>

namespace duet {
namespace {

constexpr std::array<std::pair<Role, std::string_view>, 4> kRoleNames{
    {{Role::chat, "chat"}, {Role::store, "store"}, {Role::push, "push"}, {Role::auth, "auth"}}};

constexpr std::string_view kServicePrefix = "duet-";

}  // namespace

std::string_view to_string(Role role) {
  for (const auto& [known, text] : kRoleNames) {
    if (known == role) return text;
  }
  return "unknown";
}

std::optional<Role> parse_role(std::string_view text) {
  for (const auto& [role, known] : kRoleNames) {
    if (known == text) return role;
  }
  return std::nullopt;
}

Principal::Principal(Role role, std::optional<Device> device, std::string instance, Timestamp expires_at,
                     Timestamp issued_at)
    : role_(role),
      device_(std::move(device)),
      instance_(std::move(instance)),
      expires_at_(expires_at),
      issued_at_(issued_at) {}

Principal Principal::of_device(Device device, Timestamp expires_at, Timestamp issued_at) {
  return {Role::chat, std::move(device), std::string(), expires_at, issued_at};
}

Principal Principal::of_service(Role role, std::string instance, Timestamp expires_at) {
  assert(role != Role::chat);
  assert(instance.empty() || DeviceId::valid(instance));
  return {role, std::nullopt, std::move(instance), expires_at, Timestamp()};
}

std::string Principal::client_id() const {
  if (device_) return format_client_id(*device_);
  std::string id(kServicePrefix);
  id += to_string(role_);
  if (!instance_.empty()) id.append(".").append(instance_);
  return id;
}

std::optional<ServiceClientId> parse_service_client_id(std::string_view client_id) {
  if (!client_id.starts_with(kServicePrefix)) return std::nullopt;
  client_id.remove_prefix(kServicePrefix.size());
  const auto dot = client_id.find('.');
  const auto role = parse_role(client_id.substr(0, dot));
  if (!role || *role == Role::chat) return std::nullopt;
  if (dot == std::string_view::npos) return ServiceClientId{*role, std::string()};
  const auto instance = client_id.substr(dot + 1);
  if (!DeviceId::valid(instance)) return std::nullopt;
  return ServiceClientId{*role, std::string(instance)};
}

}  // namespace duet
