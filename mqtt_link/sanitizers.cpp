// What the sanitizers report of libraries that are not instrumented and that we cannot change. In every
// program with a link, so that no environment variable has to be remembered.
//
//   Paho C++ 1.2.0 calls Paho C under its own lock while callbacks are set, and takes that lock in callbacks.
//   No callback can run before CONNECT, so the two never wait for each other.
//
//   It counts the references to tokens and messages with code that is not instrumented, so that the last
//   release, in Paho's thread, looks as if nothing had happened between ours and it; and the other way
//   around, when the answer to a publish is faster than its return.
//
//   Paho C 1.3.12 forgets entries of its own list of allocations when a connection is lost: some 130 bytes
//   for each message on its way, which our window bounds.
//
//   cpp-httplib 0.11 makes its list of HTTP methods at the first request, once, behind a guard whose quick
//   look is not instrumented: another thread's first request seems to race with it. Only what the library
//   itself copies and compares is left out, not the handlers that it calls.

// The names are the sanitizers'. NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
// The linker is told to look for this one, and finds the others beside it.
extern "C" void duet_paho_suppressions();
extern "C" void duet_paho_suppressions() {}
#endif

#if defined(__SANITIZE_THREAD__)
// Weak: a test that runs foreign SDKs too has a longer list (tests/support/sanitizers.cpp).
extern "C" __attribute__((weak)) const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "deadlock:libpaho-mqtt3as.so\n"
         "race:mqtt::async_client::remove_token\n"
         "race:mqtt::delivery_token::~delivery_token\n"
         "race:std::shared_ptr<mqtt::delivery_token>::~shared_ptr\n"
         "called_from_lib:libcpp-httplib.so\n";
}
#elif defined(__SANITIZE_ADDRESS__)
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libpaho-mqtt3as.so\n";
}
#endif
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
