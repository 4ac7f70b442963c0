// privacy_kit/http.h: one HTTP request. Throws std::runtime_error when there is no answer.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace duet::privacy {

struct HttpAnswer {
  int status = 0;
  std::string body;
};
using Form = std::vector<std::pair<std::string, std::string>>;

// `base`: http://host:port or https://host:port. `bearer` empty: none.
HttpAnswer http_json(const std::string& base, const std::string& method, const std::string& path,
                     const std::string& body, const std::string& bearer);
HttpAnswer http_form(const std::string& base, const std::string& path, const Form& form);

}  // namespace duet::privacy
