#include "push_bridge/registration_table.h"

#include <stdexcept>
#include <utility>

#include "file_io/store_error.h"
#include "push_bridge/channel.h"

namespace duet {
namespace {

// A target in the table's columns.
struct TargetRow {
  std::string_view token;
  int environment = 0;
  std::string_view key = {};
  std::string_view secret = {};
  bool preview = false;
};

TargetRow row_of(std::string_view token, int environment, const std::optional<DeviceKeys>& preview) {
  if (!preview) return {.token = token, .environment = environment};
  return {token, environment, preview->key, preview->secret, true};
}

TargetRow row_of(const Target& target) {
  if (const auto* fcm = std::get_if<FcmTarget>(&target)) return row_of(fcm->token, 0, fcm->preview);
  if (const auto* apns = std::get_if<ApnsTarget>(&target)) {
    return row_of(apns->token, static_cast<int>(apns->environment), apns->preview);
  }
  const auto& web = std::get<WebPushTarget>(target);
  return {web.endpoint, 0, web.keys.key, web.keys.secret, web.preview};
}

Target target_from(Platform platform, const sqlite::Cursor& row) {
  std::string token(row.text(3));
  const bool preview = row.integer(9) != 0;
  DeviceKeys keys{std::string(row.blob(5)), std::string(row.blob(6))};
  if (platform == Platform::webpush) return WebPushTarget{std::move(token), std::move(keys), preview};
  auto preview_keys = preview ? std::optional(std::move(keys)) : std::nullopt;
  if (platform == Platform::fcm) return FcmTarget{std::move(token), std::move(preview_keys)};
  return ApnsTarget{std::move(token),
                    row.integer(4) == 0 ? ApnsEnvironment::production : ApnsEnvironment::sandbox,
                    std::move(preview_keys)};
}

constexpr const char* kRegistrationColumns =
    "SELECT user, device, channel, token, environment, key, secret, registered_at, generation, preview FROM "
    "registrations WHERE ";

Registration registration_from(const sqlite::Cursor& row) {
  const std::string_view channel = row.text(2);
  const auto slash = channel.find('/');
  const auto platform = parse_platform(channel.substr(0, slash));
  if (!platform || slash == std::string_view::npos) throw StoreError("a stored registration has no channel");
  return {.device = {row.name<UserId>(0), row.name<DeviceId>(1)},
          .app = std::string(channel.substr(slash + 1)),
          .target = target_from(*platform, row),
          .registered_at = row.time(7),
          .generation = row.number(8)};
}

}  // namespace

RegistrationTable::RegistrationTable(const sqlite::Connection& connection)
    : next_generation_(connection, "register a device",
                       "UPDATE meta SET generation = generation + 1 RETURNING generation"),
      same_token_(
          connection, "register a device",
          "DELETE FROM registrations WHERE channel = ?1 AND token = ?2 AND NOT (user = ?3 AND device = "
          "?4) RETURNING user, device"),
      put_(
          connection, "register a device",
          "INSERT INTO registrations (user, device, channel, token, environment, key, secret, registered_at, "
          "generation, preview) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (user, device) "
          "DO "
          "UPDATE SET channel = ?3, token = ?4, environment = ?5, key = ?6, secret = ?7, registered_at = ?8, "
          "generation = ?9, preview = ?10"),
      oldest_(
          connection, "register a device",
          "DELETE FROM registrations WHERE user = ?1 AND device IN (SELECT device FROM registrations WHERE "
          "user = ?1 ORDER BY generation DESC LIMIT -1 OFFSET ?2) RETURNING user, device"),
      remove_(connection, "remove a registration",
              "DELETE FROM registrations WHERE user = ?1 AND device = ?2"),
      drop_(connection, "drop a token",
            "DELETE FROM registrations WHERE user = ?1 AND device = ?2 AND generation = ?3"),
      find_(connection, "find a registration",
            kRegistrationColumns + std::string("user = ?1 AND device = ?2")),
      of_user_(connection, "find registrations", kRegistrationColumns + std::string("user = ?1")),
      preview_(connection, "find a registration",
               "SELECT preview FROM registrations WHERE user = ?1 AND device = ?2"),
      places_(connection, "find registrations",
              "SELECT device, channel, CASE WHEN channel LIKE 'webpush/%' THEN token ELSE '' END FROM "
              "registrations WHERE user = ?1"),
      count_(connection, "count registrations", "SELECT count(*) FROM registrations"),
      users_after_(connection, "list who is registered",
                   "SELECT DISTINCT user FROM registrations WHERE user > ?1 ORDER BY user LIMIT ?2"),
      badge_at_(connection, "find a registration",
                "SELECT badge_at FROM registrations WHERE user = ?1 AND device = ?2"),
      set_badge_at_(connection, "note a silent push",
                    "UPDATE registrations SET badge_at = ?3 WHERE user = ?1 AND device = ?2") {}

std::vector<Device> RegistrationTable::put(const Registration& registration) {
  const TargetRow target = row_of(registration.target);
  const auto channel = channel_of(registration);
  const auto& [user, device] = registration.device;
  std::vector<Device> displaced;
  const auto take = [&displaced](sqlite::Cursor rows) {
    while (rows.next()) displaced.push_back({rows.name<UserId>(0), rows.name<DeviceId>(1)});
  };
  std::uint64_t generation = 0;
  {
    auto row = next_generation_.query();
    if (row.next()) generation = row.number(0);
    while (row.next()) continue;
  }
  take(same_token_.query(channel, target.token, user, device));
  put_.execute(user, device, channel, target.token, target.environment, sqlite::Blob{target.key},
               sqlite::Blob{target.secret}, registration.registered_at, generation, target.preview);
  take(oldest_.query(user, kMaxRegistrationsPerUser));
  return displaced;
}

bool RegistrationTable::remove(const Device& device) {
  return remove_.execute(device.user, device.device) == 1;
}

bool RegistrationTable::drop(const Registration& read) {
  return drop_.execute(read.device.user, read.device.device, read.generation) == 1;
}

std::optional<Registration> RegistrationTable::find(const Device& device) {
  auto row = find_.query(device.user, device.device);
  if (!row.next()) return std::nullopt;
  return registration_from(row);
}

bool RegistrationTable::wants_preview(const Device& device) {
  auto row = preview_.query(device.user, device.device);
  return row.next() && row.integer(0) != 0;
}

std::vector<Registration> RegistrationTable::of_user(const UserId& user) {
  std::vector<Registration> found;
  auto rows = of_user_.query(user);
  while (rows.next()) found.push_back(registration_from(rows));
  return found;
}

std::vector<RegistrationTable::Place> RegistrationTable::places_of(const UserId& user) {
  std::vector<Place> found;
  auto rows = places_.query(user);
  while (rows.next()) {
    found.push_back({rows.name<DeviceId>(0), std::string(rows.text(1)), std::string(rows.text(2))});
  }
  return found;
}

std::vector<UserId> RegistrationTable::users_after(const std::string& name, std::size_t limit) {
  std::vector<UserId> found;
  auto rows = users_after_.query(name, limit);
  while (rows.next()) found.push_back(rows.name<UserId>(0));
  return found;
}

std::uint64_t RegistrationTable::count() {
  auto row = count_.query();
  return row.next() ? row.number(0) : 0;
}

Timestamp RegistrationTable::badge_at(const Device& device) {
  auto row = badge_at_.query(device.user, device.device);
  return row.next() ? row.time(0) : Timestamp{};
}

void RegistrationTable::set_badge_at(const Device& device, Timestamp at) {
  set_badge_at_.execute(device.user, device.device, at);
}

}  // namespace duet
