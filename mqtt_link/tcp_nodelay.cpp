#include "mqtt_link/tcp_nodelay.h"

#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace duet {

void interpose_connect() {}

namespace {

using ConnectFunction = int (*)(int, const sockaddr*, socklen_t);

// The definition behind ours: libc's, or that of a sanitizer.
ConnectFunction next_connect() {
  static const auto next = reinterpret_cast<ConnectFunction>(::dlsym(RTLD_NEXT, "connect"));
  return next;
}

}  // namespace
}  // namespace duet

extern "C" __attribute__((visibility("default"))) int connect(int fd, const sockaddr* address,
                                                              socklen_t size) {
  if (address != nullptr && (address->sa_family == AF_INET || address->sa_family == AF_INET6)) {
    // A socket that is not TCP has no such option; then nothing changes.
    const int saved_errno = errno;
    const int on = 1;
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    errno = saved_errno;
  }
  const auto next = duet::next_connect();
  if (next == nullptr) {
    errno = ENOSYS;
    return -1;
  }
  return next(fd, address, size);
}
