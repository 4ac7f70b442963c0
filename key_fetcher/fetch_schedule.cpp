#include "key_fetcher/fetch_schedule.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <string>

namespace duet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::optional<seconds> max_age_of(std::string_view cache_control) {
  std::string text(cache_control);
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  constexpr std::string_view kName = "max-age=";
  const auto at = text.find(kName);
  if (at == std::string::npos) return std::nullopt;
  if (at > 0 && text[at - 1] != ' ' && text[at - 1] != ',' && text[at - 1] != '\t') return std::nullopt;
  std::int64_t age = 0;
  const char* begin = text.data() + at + kName.size();
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), age);
  if (error == std::errc::result_out_of_range) return kMaxRefresh;
  if (error != std::errc() || end == begin) return std::nullopt;
  return seconds(age);
}

}  // namespace

seconds refresh_after(std::optional<seconds> configured, std::string_view cache_control) {
  if (configured) return *configured;
  const auto said = max_age_of(cache_control);
  return said ? std::clamp<seconds>(*said, kMinRefresh, kMaxRefresh) : kDefaultRefresh;
}

milliseconds retry_after(int failures, double random) {
  constexpr int kMaxDoublings = 16;  // far beyond kMaxRetry
  const int doublings = std::clamp(failures - 1, 0, kMaxDoublings);
  const auto longest = std::min<milliseconds>(kFirstRetry * (1 << doublings), kMaxRetry);
  const auto off = static_cast<double>(longest.count()) * random / 2;
  return longest - milliseconds(static_cast<std::int64_t>(off));
}

}  // namespace duet
