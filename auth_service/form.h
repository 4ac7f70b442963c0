// auth_service/form.h: the requests of OAuth, application/x-www-form-urlencoded (RFC 6749 appendix B). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"

namespace duet {

// One text decoded: `+` and %XX. Nullopt for a broken escape.
std::optional<std::string> decode_form_text(std::string_view text);

class Form {
 public:
  // The error is a sentence. Refuses a parameter that comes twice (RFC 6749 3.2), a broken escape, and more
  // than 32 parameters.
  static Result<Form, std::string> parse(std::string_view body);

  // Null when there is none; one without a value counts as none (RFC 6749 3.2).
  const std::string* find(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

}  // namespace duet
