// privacy_kit/run.h: one run, from the first account to the last check.
#pragma once

#include <string>

#include "privacy_kit/options.h"
#include "privacy_kit/report.h"

namespace duet::privacy {

// Fills the report. Throws std::runtime_error when the server cannot be checked. `prefix` begins the names of
// the accounts; nobody else has such.
void run(const Options& options, const std::string& prefix, Report& report);

}  // namespace duet::privacy
