// broker_plugin/connection.h: how the plugin names a connection.
#pragma once

namespace duet {

// The broker's context. Never looked into.
using Connection = const void*;

}  // namespace duet
