#include "push_bridge/http_date.h"

#include <algorithm>
#include <array>

namespace duet {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                "Thursday", "Friday", "Saturday"};

// Takes a date apart from the front. Once something is not as expected, `ok` is false for good.
struct DateText {
  std::string_view rest;
  bool ok = true;

  std::string_view take(std::size_t count) {
    const auto taken = rest.substr(0, count);
    rest.remove_prefix(taken.size());
    ok = ok && taken.size() == count;
    return taken;
  }
  void expect(std::string_view text) { ok = take(text.size()) == text && ok; }
  int number(std::size_t digits) {
    int value = 0;
    for (const char c : take(digits)) {
      ok = ok && c >= '0' && c <= '9';
      value = value * 10 + (c - '0');
    }
    return value;
  }
  unsigned month() {
    const auto* const found = std::ranges::find(kMonths, take(3));
    ok = ok && found != kMonths.end();
    return static_cast<unsigned>(found - kMonths.begin()) + 1;
  }
  // One of the days, short or in full.
  void day_of_week(bool in_full) {
    const bool known = std::ranges::any_of(kDays, [&](std::string_view day) {
      const auto name = in_full ? day : day.substr(0, 3);
      if (!rest.starts_with(name)) return false;
      rest.remove_prefix(name.size());
      return true;
    });
    ok = ok && known;
  }
};

struct Date {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
};

std::chrono::seconds time_of_day(DateText& text) {
  const int hour = text.number(2);
  text.expect(":");
  const int minute = text.number(2);
  text.expect(":");
  const int second = text.number(2);
  text.ok = text.ok && hour < 24 && minute < 60 && second <= 60;  // 60: a leap second
  return std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
}

std::optional<Timestamp> finished(const DateText& text, const Date& date, std::chrono::seconds time) {
  const std::chrono::year_month_day day{std::chrono::year(date.year), std::chrono::month(date.month),
                                        std::chrono::day(date.day)};
  if (!text.ok || !text.rest.empty() || !day.ok()) return std::nullopt;
  return Timestamp(std::chrono::sys_days(day)) + time;
}

std::optional<Timestamp> parse_imf_fixdate(DateText text) {
  Date date;
  text.day_of_week(false);
  text.expect(", ");
  date.day = static_cast<unsigned>(text.number(2));
  text.expect(" ");
  date.month = text.month();
  text.expect(" ");
  date.year = text.number(4);
  text.expect(" ");
  const auto time = time_of_day(text);
  text.expect(" GMT");
  return finished(text, date, time);
}

std::optional<Timestamp> parse_rfc850_date(DateText text) {
  Date date;
  text.day_of_week(true);
  text.expect(", ");
  date.day = static_cast<unsigned>(text.number(2));
  text.expect("-");
  date.month = text.month();
  text.expect("-");
  const int year = text.number(2);
  date.year = year + (year < 70 ? 2000 : 1900);
  text.expect(" ");
  const auto time = time_of_day(text);
  text.expect(" GMT");
  return finished(text, date, time);
}

std::optional<Timestamp> parse_asctime_date(DateText text) {
  Date date;
  text.day_of_week(false);
  text.expect(" ");
  date.month = text.month();
  text.expect(" ");
  if (text.rest.starts_with(' ')) {
    text.expect(" ");
    date.day = static_cast<unsigned>(text.number(1));
  } else {
    date.day = static_cast<unsigned>(text.number(2));
  }
  text.expect(" ");
  const auto time = time_of_day(text);
  text.expect(" ");
  date.year = text.number(4);
  return finished(text, date, time);
}

}  // namespace

std::optional<Timestamp> parse_http_date(std::string_view text) {
  if (const auto date = parse_imf_fixdate({text})) return date;
  if (const auto date = parse_rfc850_date({text})) return date;
  return parse_asctime_date({text});
}

}  // namespace duet
