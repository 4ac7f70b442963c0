#include "client/cli/account.h"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "acl/base64url.h"
#include "acl/signing_key.h"
#include "file_io/secret_file.h"

namespace duet {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kDefaultDevice = "cli";
constexpr int kDefaultDevices = 9;
constexpr std::chrono::seconds kTokenLife{900};

struct TokenNames {
  std::string issuer = "duet";
  std::string audience = "duet";
};

std::string text_or(const json& object, const char* name, std::string otherwise) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::move(otherwise);
}

// Whom the platform's configuration names as issuer and audience, its own service's token knows.
TokenNames token_names(const fs::path& data) {
  TokenNames names;
  const auto file = data / "secrets" / "store.token";
  if (!fs::exists(file)) return names;
  const auto token = read_secret_line(file);
  const auto first = token.find('.');
  const auto second = token.find('.', first + 1);
  if (second == std::string::npos) return names;
  const auto claims_text = decode_base64url(std::string_view(token).substr(first + 1, second - first - 1));
  const auto claims = json::parse(claims_text.value_or(""), nullptr, false);
  if (!claims.is_object()) return names;
  return {text_or(claims, "iss", names.issuer), text_or(claims, "aud", names.audience)};
}

std::string how_to_start(const fs::path& data) {
  return "start it with: scripts/run --data " + data.string();
}

std::unique_ptr<Client> open_as(const CliOptions& options, const DeviceId& device, const std::string& uri,
                                bool follow, const ClientHandlers& handlers) {
  const Device me{options.as.value(), device};
  ClientOptions client{.uri = uri, .device = me, .token = {}, .state_directory = options.state};
  if (options.url.empty()) {
    client.state_directory = options.data / "clients" / (me.user.str() + "." + me.device.str());
    client.token = [data = options.data, me] { return sign_token(data, me.user, me.device, kTokenLife); };
  } else {
    client.token = [file = options.token_file] { return read_secret_line(file); };
  }
  client.follow = follow;
  client.receipts = options.receipts;
  if (options.timeout) client.request_patience = *options.timeout;
  return std::make_unique<Client>(std::move(client), handlers);
}

}  // namespace

std::string sign_token(const fs::path& data, const UserId& user, const std::optional<DeviceId>& device,
                       std::chrono::seconds life) {
  const auto file = data / "secrets" / "signing.pem";
  if (!fs::exists(file)) {
    throw std::runtime_error("there is no platform in " + data.string() + "; " + how_to_start(data));
  }
  const auto key = SigningKey::from_pem(read_secret_file(file));
  if (!key) throw std::runtime_error(file.string() + ": " + key.error());
  const auto names = token_names(data);
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  return key->sign({.issuer = names.issuer,
                    .audience = names.audience,
                    .role = Role::chat,
                    .subject = user.str(),
                    .device = device,
                    .issued_at = now,
                    .expires_at = now + life});
}

std::string find_platform(const fs::path& data) {
  const auto file = data / "ready.json";
  std::ifstream stream(file);
  if (!stream) {
    throw std::runtime_error("the platform is not running: there is no " + file.string() + "; " +
                             how_to_start(data));
  }
  std::ostringstream text;
  text << stream.rdbuf();
  const auto ready = json::parse(text.str(), nullptr, false);
  auto uri = ready.is_object() ? text_or(ready, "mqtt", "") : "";
  if (uri.empty()) throw std::runtime_error(file.string() + " is damaged: it names no broker");
  const auto supervisor = ready.find("supervisor");
  if (supervisor != ready.end() && supervisor->is_number_integer() &&
      ::kill(supervisor->get<pid_t>(), 0) != 0 && errno == ESRCH) {
    throw std::runtime_error("the platform is not running any more; " + how_to_start(data));
  }
  return uri;
}

std::unique_ptr<Client> open_client(const CliOptions& options, bool follow, const ClientHandlers& handlers) {
  const auto uri = options.url.empty() ? find_platform(options.data) : options.url;
  if (options.device) return open_as(options, *options.device, uri, follow, handlers);
  const auto first = DeviceId::parse(kDefaultDevice).value();
  // With a state directory of its own, there is one device.
  if (!options.url.empty()) return open_as(options, first, uri, follow, handlers);
  for (int i = 1; i < kDefaultDevices; ++i) {
    const auto device = i == 1 ? first : DeviceId::parse(first.str() + "-" + std::to_string(i)).value();
    try {
      return open_as(options, device, uri, follow, handlers);
    } catch (const StateInUse&) {
      // Somebody is that device already.
    }
  }
  return open_as(options, first, uri, follow, handlers);
}

}  // namespace duet
