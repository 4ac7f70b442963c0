// auth_service/request_socket.h: the socket of one request, which may take so long and so many bytes.
//
// A client that sends a byte now and then would otherwise keep a thread for as long as it likes.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstddef>

namespace duet {

struct RequestLimits {
  std::chrono::milliseconds read;   // for each read
  std::chrono::milliseconds write;  // for each write
  std::chrono::milliseconds whole;  // for all that is read
  std::size_t bytes;                // that are read
};

// Used by one thread. The descriptor is the caller's.
class RequestSocket {
 public:
  using Clock = std::chrono::steady_clock;

  // The time of the request begins.
  RequestSocket(int fd, const RequestLimits& limits);

  // As recv and send; -1 also when a limit is reached. Every read after that fails too.
  ssize_t read(char* to, std::size_t size);
  ssize_t write(const char* from, std::size_t size) const;
  // Whether there is something to read (the end, too), or room to write, in time.
  bool readable() const;
  bool writable() const;

  int fd() const { return fd_; }

 private:
  bool fill();
  bool wait(short events, std::chrono::milliseconds patience) const;

  const int fd_;
  const RequestLimits limits_;
  const Clock::time_point read_until_;
  std::array<char, 4096> buffer_;  // the library reads byte by byte
  std::size_t begin_ = 0;          // of what is unread in it
  std::size_t end_ = 0;
  std::size_t bytes_left_;
  bool failed_ = false;
};

}  // namespace duet
