#include "auth_service/mint.h"

#include <stdexcept>

namespace duet {
namespace {

TokenSpec make_service_spec(const MintOptions& options, Timestamp now) {
  const auto role = parse_role(options.service);
  if (!role || *role == Role::chat) {
    throw std::runtime_error("--service: '" + options.service + "' is not store, push or auth");
  }
  if (!options.device.empty()) throw std::runtime_error("--device: a service has none");
  return {options.issuer, options.audience, *role, options.service, std::nullopt, now, now + options.ttl};
}

TokenSpec make_user_spec(const MintOptions& options, Timestamp now) {
  const auto user = UserId::parse(options.user);
  if (!user) throw std::runtime_error("--user: '" + options.user + "' is not a user name");
  auto device = DeviceId::parse(options.device);
  if (!device && !options.device.empty()) {
    throw std::runtime_error("--device: '" + options.device + "' is not a device name");
  }
  return {options.issuer,   options.audience, Role::chat, user->str(), std::move(device), now,
          now + options.ttl};
}

}  // namespace

TokenSpec make_token_spec(const MintOptions& options, Timestamp now) {
  if (options.user.empty() == options.service.empty()) {
    throw std::runtime_error("a token is for either --user or --service");
  }
  if (options.ttl.count() <= 0) throw std::runtime_error("--ttl: it is not a positive number of seconds");
  return options.service.empty() ? make_user_spec(options, now) : make_service_spec(options, now);
}

}  // namespace duet
