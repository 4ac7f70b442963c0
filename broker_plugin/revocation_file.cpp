#include "broker_plugin/revocation_file.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace duet {
namespace {

constexpr std::size_t kWorthWritingAnew = std::size_t{256} * 1024;

std::string lines_of(const RevocationList& list) {
  std::string lines;
  RevocationUpdate page;
  const auto end_page = [&] { lines += format_revocation_update(std::exchange(page, {})) + '\n'; };
  list.for_each([&](const Revocation& revocation) {
    page.add.push_back(revocation);
    if (page.add.size() == kServicePage) end_page();
  });
  if (!page.add.empty()) end_page();
  return lines;
}

}  // namespace

RevocationFile::RevocationFile(std::filesystem::path path, BrokerPort& broker)
    : path_(std::move(path)), broker_(broker), anew_at_(kWorthWritingAnew) {
  read_lines();
  if (const auto error = write_anew()) throw std::system_error(error, "cannot write " + path_.string());
}

void RevocationFile::read_lines() {
  if (!std::filesystem::exists(path_)) return;
  const std::string content = read_file(path_);
  std::size_t number = 1;
  for (std::size_t begin = 0, end = 0; (end = content.find('\n', begin)) != std::string::npos;
       begin = end + 1, ++number) {
    const auto update = parse_revocation_update(std::string_view(content).substr(begin, end - begin));
    if (!update) {
      throw std::runtime_error(path_.string() + ", line " + std::to_string(number) +
                               ": not a list of ended logins; without the file the broker starts with none");
    }
    // There is no clock yet: what is over is forgotten with the first update.
    list_.apply(*update, Timestamp::min());
  }
}

void RevocationFile::apply(const RevocationUpdate& update, Timestamp now) {
  if (!list_.apply(update, now)) return;
  auto error = append(format_revocation_update(update) + '\n');
  if (!error && size_ >= anew_at_) {
    list_.forget_over(now);
    error = write_anew();
  }
  const bool failed_before = std::exchange(failed_, static_cast<bool>(error));
  if (failed_ && !failed_before) {
    broker_.log(LogLevel::error, "ended logins cannot be kept in " + path_.string() + ": " + error.message());
  }
}

std::error_code RevocationFile::append(std::string_view line) {
  if (const auto error = file_->write_at(size_, line)) return error;  // the next one goes to the same place
  size_ += line.size();
  return {};
}

std::error_code RevocationFile::write_anew() try {
  const std::string lines = lines_of(list_);
  auto next = path_;
  next += ".new";
  File file(next, File::Mode::create);
  if (const auto error = lines.empty() ? std::error_code() : file.write_at(0, lines)) return error;
  std::filesystem::rename(next, path_);
  file_.emplace(path_, File::Mode::update);
  size_ = lines.size();
  anew_at_ = std::max(kWorthWritingAnew, 2 * size_);
  return {};
} catch (const std::system_error& error) {
  return error.code();
}

}  // namespace duet
