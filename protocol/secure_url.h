// protocol/secure_url.h: which servers may be asked for what must not be forged or overheard. Pure.
#pragma once

#include <string_view>

namespace duet {

// Whether it is an https URL, or an http URL of this machine (127.0.0.1, [::1], localhost). Never one with a
// user or password in it, with white space, or with anything but printable ASCII.
bool is_secure_url(std::string_view url);

}  // namespace duet
