#include "auth_service/request_socket.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace duet {

RequestSocket::RequestSocket(int fd, const RequestLimits& limits)
    : fd_(fd), limits_(limits), read_until_(Clock::now() + limits.whole), bytes_left_(limits.bytes) {}

ssize_t RequestSocket::read(char* to, std::size_t size) {
  if (begin_ == end_ && !fill()) return failed_ ? -1 : 0;
  const std::size_t given = std::min(size, end_ - begin_);
  std::memcpy(to, buffer_.data() + begin_, given);
  begin_ += given;
  return static_cast<ssize_t>(given);
}

// False: the end, or a failure.
bool RequestSocket::fill() {
  failed_ = failed_ || bytes_left_ == 0 || !readable();
  if (failed_) return false;
  ssize_t got = -1;
  do {
    got = ::recv(fd_, buffer_.data(), std::min(buffer_.size(), bytes_left_), 0);
  } while (got < 0 && errno == EINTR);
  failed_ = got < 0;
  if (got <= 0) return false;
  begin_ = 0;
  end_ = static_cast<std::size_t>(got);
  bytes_left_ -= end_;
  return true;
}

ssize_t RequestSocket::write(const char* from, std::size_t size) const {
  return writable() ? ::send(fd_, from, size, MSG_NOSIGNAL) : -1;
}

bool RequestSocket::readable() const {
  if (begin_ != end_) return true;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(read_until_ - Clock::now());
  return left.count() > 0 && wait(POLLIN, std::min(limits_.read, left));
}

bool RequestSocket::writable() const {
  return wait(POLLOUT, limits_.write);
}

bool RequestSocket::wait(short events, std::chrono::milliseconds patience) const {
  const auto until = Clock::now() + patience;
  pollfd entry{fd_, events, 0};
  int ready = -1;
  do {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    ready = ::poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

}  // namespace duet
