// client/cli/account.h: how a command finds the platform and is let in.
#pragma once

#include <memory>
#include <string>

#include "client/cli/options.h"
#include "client/client.h"

namespace duet {

// A fresh access token for `user`, signed with the data directory's key; good for `device` only, if one is
// named. Throws std::runtime_error that says what is missing.
std::string sign_token(const std::filesystem::path& data, const UserId& user,
                       const std::optional<DeviceId>& device, std::chrono::seconds life);

// The broker's address from DIR/ready.json. Throws std::runtime_error, with what to do about it, when the
// platform is not running.
std::string find_platform(const std::filesystem::path& data);

// A client for the options' user. Without a device in the options it is `cli`, or `cli-2`, … while another
// process is that.
std::unique_ptr<Client> open_client(const CliOptions& options, bool follow, const ClientHandlers& handlers);

}  // namespace duet
