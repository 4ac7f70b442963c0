// supervisor/conf_template.h: fills the @NAME@ places of a text.
//
// Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace duet {

// A place is `@`, capital letters and underscores, `@`. Every place must have a value and every value a
// place, and a value must stay on its line (no control characters): otherwise the error says what does not
// fit.
Result<std::string, std::string> fill_template(std::string_view text,
                                               const std::map<std::string, std::string>& values);

}  // namespace duet
